// Every field of a job, legal and wrong in every way, in both envelopes.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "dialect/envelope.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

const std::string kNulText("a\0b", 3);
const std::string kLongest(255, 'x');
const json::value kNul(kNulText);
const json::value kLong(kLongest + "x");

// The same job in each of the four actions, with one field set, or taken away.
struct Shape {
  const char* action;
  bool flat;
  bool synchronous;

  std::string key(std::string_view field) const {
    if (field == "ip") return flat ? "agent_ip" : "ip";
    if (field == "type") return flat ? "job_type" : "type";
    return std::string(field);
  }

  Request decode(std::string_view field, const json::value* value) const {
    json::object fields{{key("ip"), "10.0.0.7"}, {"app", "apptest"}, {"func", "hello"}};
    if (!synchronous) {
      fields["id"] = "42";
      fields[key("type")] = "cron";
    }
    if (value != nullptr) {
      fields[key(field)] = *value;
    } else {
      fields.erase(key(field));
    }
    json::object envelope{{"mqkey", std::string("openapi.scheduler.") + action}, {"mqtype", "call.k"}};
    if (flat) {
      for (const auto& [name, content] : fields) envelope[name] = content;
    } else {
      envelope["mqbody"] = fields;
    }
    return decode_request(json::serialize(envelope), {}, Limits{});
  }
};
constexpr Shape kSendSync{"sendSync", true, true};
constexpr Shape kSendAsync{"sendAsync", true, false};
constexpr Shape kSyncJob{"syncJob", false, true};
constexpr Shape kAsyncJob{"asyncJob", false, false};
const std::vector<Shape> kAll{kSendSync, kSendAsync, kSyncJob, kAsyncJob};
const std::vector<Shape> kAsynchronous{kSendAsync, kAsyncJob};

// What each value, or none, decodes to: the text that the job then holds, or the error.
struct Expectation {
  std::optional<json::value> value;  // nullopt = absent
  std::string text;
};

void expect_texts(const std::vector<Shape>& shapes, std::string_view field, std::string Job::* member,
                  const std::vector<Expectation>& expectations) {
  for (const Shape& shape : shapes) {
    for (const auto& [value, text] : expectations) {
      const Request request = shape.decode(field, value ? &*value : nullptr);
      EXPECT_FALSE(request.error) << shape.action << ' ' << field << ' ' << text << ": "
                                  << request.error->detail;
      EXPECT_EQ(request.job.*member, text) << shape.action << ' ' << field;
    }
  }
}

void expect_error(const std::vector<Shape>& shapes, std::string_view field, ErrorCode code,
                  const std::vector<std::optional<json::value>>& values) {
  for (const Shape& shape : shapes) {
    for (const auto& value : values) {
      const Request request = shape.decode(field, value ? &*value : nullptr);
      const std::string what = value ? json::serialize(*value) : "absent";
      ASSERT_TRUE(request.error) << shape.action << ' ' << field << ' ' << what;
      EXPECT_EQ(request.error->code, code) << shape.action << ' ' << field << ' ' << what;
      EXPECT_NE(request.error->detail, "") << shape.action << ' ' << field << ' ' << what;
      EXPECT_EQ(request.job.from, "openapi");
      EXPECT_TRUE(request.answerable) << shape.action << ' ' << field << ' ' << what;
      EXPECT_EQ(request.job.synchronous(), shape.synchronous) << shape.action << ' ' << field << ' ' << what;
    }
  }
}

TEST(DialectFields, Ip) {
  const std::vector<Expectation> legal = {{"127.0.0.1", "127.0.0.1"},
                                          {"::1", "::1"},
                                          {"FE80::1", "FE80::1"},
                                          {"::ffff:1.2.3.4", "::ffff:1.2.3.4"}};
  expect_texts(kAll, "ip", &Job::agent_ip, legal);
  expect_error(kAll, "ip", ErrorCode::illegal_ip,
               {std::nullopt,
                nullptr,
                "",
                " ",
                "localhost",
                "1.2.3",
                "1.2.3.4.5",
                "256.1.1.1",
                "01.2.3.4",
                "0x7f.1",
                "127.1",
                "2130706433",
                "1.2.3.4 ",
                " 1.2.3.4",
                "fe80::1%lo",
                "[::1]",
                "1.2.3.4:80",
                ":::1",
                kNul,
                json::value(std::string("1.2.3.4\0", 8)),
                kLong,
                7,
                1.5,
                true,
                json::array{"1.2.3.4"},
                json::object{}});
}

TEST(DialectFields, App) {
  expect_texts(kAll, "app", &Job::app,
               {{"a", "a"},
                {"my app", "my app"},
                {"应用", "应用"},
                {"..a", "..a"},
                {json::value(kLongest), kLongest}});
  expect_error(kAll, "app", ErrorCode::illegal_app,
               {std::nullopt, nullptr, "", "  ", ".", "..", "../etc", "a/b", "a\\b", "/", kNul, "a\nb",
                "a\x7f", kLong, 0, 1.5, false, json::array{}, json::object{{"a", 1}}});
}

TEST(DialectFields, Func) {
  expect_texts(kAll, "func", &Job::func, {{"f", "f"}, {"a/b.c", "a/b.c"}, {"-x", "-x"}});
  expect_error(kAll, "func", ErrorCode::illegal_func,
               {std::nullopt, nullptr, "", "   ", kNul, "\t", "a\rb", kLong, 1, 1.5, true, json::array{},
                json::object{}});
}

TEST(DialectFields, FlatMode) {
  expect_texts({kSendSync, kSendAsync}, "mode", &Job::mode,
               {{std::nullopt, ""},
                {nullptr, ""},
                {"", ""},
                {"sap", "sap"},
                {"SSP", "SSP"},
                {"sanp", "sanp"},
                {"sSnP", "sSnP"}});
  expect_error({kSendSync, kSendAsync}, "mode", ErrorCode::illegal_mode,
               {"P", "NP", "sa", "sap ", " ", "saap", kNul, kLong, 1, true, json::array{}, json::object{}});
}

TEST(DialectFields, BodyMode) {
  expect_texts({kSyncJob, kAsyncJob}, "mode", &Job::mode,
               {{std::nullopt, "NP"},
                {nullptr, "NP"},
                {"", "NP"},
                {"P", "P"},
                {"p", "p"},
                {"NP", "NP"},
                {"nP", "nP"}});
  expect_error({kSyncJob, kAsyncJob}, "mode", ErrorCode::illegal_mode,
               {"sap", "PN", "NPP", "P ", " ", json::value(std::string("P\0", 2)), 0, false, json::array{},
                json::object{}});
}

TEST(DialectFields, Param) {
  expect_texts(kAll, "param", &Job::param,
               {{std::nullopt, ""},
                {nullptr, ""},
                {"", ""},
                {"{\"a\": 1 }", "{\"a\": 1 }"},
                {kNul, kNulText},
                {"\n \t", "\n \t"},
                {"参数 \U0001F600", "参数 \U0001F600"},
                {json::array{}, "[]"},
                {json::object{}, "{}"},
                {json::object{{"z", 1}, {"a", json::array{true, nullptr, "x y"}}},
                 R"({"z":1,"a":[true,null,"x y"]})"}});
  expect_error(kAll, "param", ErrorCode::illegal_param, {0, 7, -1, 1.5, true, false});
}

TEST(DialectFields, Timeout) {
  const std::vector<std::pair<std::optional<json::value>, int>> legal = {
      {std::nullopt, 90}, {nullptr, 90}, {"", 90},   {0, 90},          {"0", 90},         {0.0, 90}, {1, 1},
      {"30", 30},         {5.0, 5},      {"5.0", 5}, {604800, 604800}, {"604800", 604800}};
  for (const Shape& shape : kAll) {
    for (const auto& [value, seconds] : legal) {
      const Request request = shape.decode("timeout", value ? &*value : nullptr);
      EXPECT_FALSE(request.error) << shape.action << ' ' << seconds;
      EXPECT_EQ(request.job.timeout, Seconds(seconds)) << shape.action;
    }
  }
  expect_error(kAll, "timeout", ErrorCode::illegal_timeout,
               {-1,
                "-1",
                0.5,
                "1.5",
                604801,
                "604801",
                1e300,
                "99999999999999999999",
                std::numeric_limits<std::int64_t>::max(),
                std::numeric_limits<std::uint64_t>::max(),
                "abc",
                " ",
                " 5",
                "5 ",
                "5s",
                "0x10",
                "1e1",
                "nan",
                "inf",
                kNul,
                true,
                false,
                json::array{},
                json::array{5},
                json::object{}});
  EXPECT_EQ(kSendSync.decode("timeout", nullptr).job.timeout, Seconds(90));
}

TEST(DialectFields, Proxy) {
  expect_texts(kAll, "proxy", &Job::proxy,
               {{std::nullopt, ""}, {nullptr, ""}, {"", ""}, {"python3|run.py", "python3|run.py"}});
  expect_error(kAll, "proxy", ErrorCode::message_malformed,
               {0, 1.5, true, kNul, "a\nb", json::array{}, json::object{}});
}

TEST(DialectFields, Type) {
  expect_error({kAsyncJob}, "id", ErrorCode::illegal_id, {"a\nb", kNul, kLong});
  for (const Shape& shape : kAsynchronous) {
    const std::vector<std::optional<json::value>> wrong = {
        std::nullopt, nullptr, "", "rt", "cron/queue",  "CRON",
        " cron",      kNul,    1,  true, json::array{}, json::object{}};
    for (const auto& value : wrong) {
      const Request request = shape.decode("type", value ? &*value : nullptr);
      ASSERT_TRUE(request.error) << shape.action;
      EXPECT_EQ(request.error->code, ErrorCode::illegal_type) << shape.action;
      EXPECT_EQ(request.answerable, shape.flat) << "an asyncJob of openapi has no component to tell";
      EXPECT_EQ(request.job.id, "42");
    }
    const json::value queue = "queue";
    EXPECT_EQ(shape.decode("type", &queue).job.type, JobType::queue);
  }
}

TEST(DialectFields, Id) {
  expect_texts(kAsynchronous, "id", &Job::id,
               {{"a b", "a b"},
                {12, "12"},
                {-3, "-3"},
                {std::numeric_limits<std::uint64_t>::max(), "18446744073709551615"},
                {json::value(kLongest), kLongest}});
  expect_texts({kAsyncJob}, "id", &Job::id, {{"a:b", "a:b"}});
  expect_error(kAsynchronous, "id", ErrorCode::illegal_id, {kNul, "a\nb", kLong});
  expect_error({kSendAsync}, "id", ErrorCode::illegal_id,
               {std::nullopt, nullptr, "", "  ", 1.5, true, json::array{}, json::object{}, "a:b"});
}

TEST(DialectFields, RandId) {
  expect_texts({kSendAsync}, "rand_id", &Job::rand_id,
               {{std::nullopt, ""}, {nullptr, ""}, {"", ""}, {"r", "r"}, {7, "7"}});
  expect_error({kSendAsync}, "rand_id", ErrorCode::illegal_id,
               {"a:b", ":", " ", kNul, kLong, 1.5, true, json::array{}, json::object{}});
  const std::string both =
      R"({"mqkey":"o.scheduler.sendAsync","mqtype":"cast","agent_ip":"::1","app":"a","func":"f",)"
      R"("job_type":"cron","id":"a:b","rand_id":"r"})";
  EXPECT_FALSE(decode_request(both, {}, Limits{}).error);
}

TEST(DialectFields, FirstFaultIsToldAndTheRestStillRead) {
  const std::string body =
      R"({"mqkey":"o.scheduler.sendSync.m","mqtype":"cast","agent_ip":"nowhere","app":7,"func":"f",)"
      R"("param":"p","timeout":-1})";
  const Request request = decode_request(body, {}, Limits{});
  EXPECT_EQ(request.error->code, ErrorCode::illegal_ip);
  EXPECT_EQ(request.job.agent_ip, "nowhere");
  EXPECT_EQ(request.job.app, "");
  EXPECT_EQ(request.job.func, "f");
  EXPECT_EQ(request.job.param, "p");
  EXPECT_EQ(request.job.timeout, Seconds(90));
}

}  // namespace
}  // namespace elves::dialect
