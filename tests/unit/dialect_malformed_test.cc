// What is no request at all, what is too much of one, and the jobs of the HTTP API.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "dialect/envelope.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

const Limits kLimits;

Request decode_text(std::string_view body, const MessageProperties& properties = {}) {
  return decode_request(body, properties, kLimits);
}

std::optional<ErrorCode> code_of(const Request& request) {
  return request.error ? std::optional(request.error->code) : std::nullopt;
}
std::string said(const Request& request) { return request.error ? request.error->detail : "no error"; }

TEST(DialectMalformed, NoMessageAtAll) {
  const std::vector<std::string> bodies = {"",
                                           " ",
                                           "null",
                                           "1",
                                           "\"text\"",
                                           "[]",
                                           "[{}]",
                                           "{",
                                           "{}}",
                                           "{}{}",
                                           "{\"a\":1,}",
                                           "{'a':1}",
                                           "\xEF\xBB\xBF{}",
                                           "{\"mqkey\":\"\xff\"}",
                                           "{\"mqkey\":\"\xc0\xaf\"}",
                                           "{\"mqkey\":\"\xed\xa0\x80\"}",
                                           "{\"mqkey\":\"\\ud800\"}",
                                           "{\"mqkey\":\"a\nb\"}",
                                           std::string("{}\0", 3),
                                           std::string("\0", 1),
                                           "NaN",
                                           "{\"a\":Infinity}",
                                           "<xml/>"};
  for (const std::string& body : bodies) {
    const Request request = decode_text(body, {.reply_to = "q"});
    EXPECT_EQ(code_of(request), ErrorCode::message_malformed) << body;
    EXPECT_TRUE(request.answerable) << body;
    EXPECT_FALSE(decode_text(body).answerable) << body;
  }
  EXPECT_EQ(code_of(decode_text(" {} ")), ErrorCode::message_malformed);
}

// A caller that says where to is told, in the form that can be made out of what comes before the fault.
TEST(DialectMalformed, ABrokenMessageIsAnsweredWhereReplyToSays) {
  const MessageProperties properties{.reply_to = "q", .correlation_id = "c"};
  const auto answer = [&](std::string_view text) {
    const Request request = decode_text(text, properties);
    EXPECT_TRUE(request.answerable && request.job.reply && request.job.reply->direct) << text;
    EXPECT_EQ(request.job.reply->routing_key, "q");
    EXPECT_EQ(request.job.reply->correlation_id, "c");
    Outcome outcome;
    outcome.rejected = true;
    outcome.error = request.error;
    return json::parse(request.job.synchronous() ? encode_reply(request.job, outcome)
                                                 : encode_acceptance(request.job, outcome));
  };
  const auto nothing_known = answer("{broken");
  EXPECT_EQ(nothing_known.at("mqkey"), "scheduler");
  EXPECT_EQ(nothing_known.at("mqflag"), "0");
  EXPECT_TRUE(nothing_known.at("mqerror").as_string().starts_with("[400.1]Message Malformed: "));
  EXPECT_EQ(answer(R"({"mqkey":"openapi.scheduler.sendSync.7","param":"\ud83d"})").at("mqkey"),
            "scheduler.openapi.sendSync.7");
  EXPECT_EQ(answer(R"({"mqkey":"cron.scheduler.sendAsync.8","param":"\ud83d"})").at("mqkey"),
            "scheduler.cron.sendAsync.8");
  const auto body = answer(R"({"mqkey":"openapi.scheduler.syncJob","mqbody":{"param":"\ud83d"}})");
  EXPECT_EQ(body.at("mqkey"), "scheduler.openapi");
  EXPECT_EQ(body.at("mqbody").at("flag"), "false");
  const auto asynchronous =
      answer(R"({"mqkey":"cron.scheduler.asyncJob","mqbody":{"id":"1","param":"\ud83d"}})");
  EXPECT_EQ(asynchronous.at("mqkey"), "scheduler.cron");
}

TEST(DialectMalformed, WhatIsNotToBeRunIsRefusedForTheReasonGiven) {
  const Error why{ErrorCode::message_malformed, "because"};
  const std::string text = R"({"mqkey":"openapi.scheduler.sendSync.7","mqtype":"call"})";
  const Request told = refuse_request(text, {.reply_to = "q"}, kLimits, why);
  EXPECT_EQ(told.error, why);
  EXPECT_TRUE(told.answerable);
  EXPECT_EQ(told.job.mid, "7");
  EXPECT_FALSE(refuse_request(text, {}, kLimits, why).answerable);
}

TEST(DialectMalformed, TooDeep) {
  for (const std::string open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 10000; ++i) deep += open;
    EXPECT_EQ(code_of(decode_text(deep)), ErrorCode::message_malformed);
    EXPECT_EQ(code_of(decode_text("{\"mqkey\":" + deep)), ErrorCode::message_malformed);
  }
  const auto nested = [](std::size_t depth) {
    return R"({"mqkey":"a.scheduler.sendSync","mqtype":"cast","agent_ip":"::1","app":"a","func":"f","param":)" +
           std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  const Request deepest = decode_text(nested(kLimits.max_depth - 1));
  EXPECT_FALSE(deepest.error) << said(deepest);
  EXPECT_EQ(deepest.job.param.size(), 2 * (kLimits.max_depth - 1));
  EXPECT_EQ(code_of(decode_text(nested(kLimits.max_depth))), ErrorCode::message_malformed);
  const json::object in_text{
      {"mqkey", "a.scheduler.syncJob"}, {"mqtype", "call.k"}, {"mqbody", json::value(nested(10000))}};
  EXPECT_EQ(code_of(decode_text(json::serialize(in_text))), ErrorCode::message_malformed);
}

TEST(DialectMalformed, TooLarge) {
  const std::string big(10U << 20U, 'x');
  const std::string body =
      R"({"mqkey":"a.scheduler.sendSync","mqtype":"cast","agent_ip":"::1","app":"a","func":"f","param":")" +
      big + "\"}";
  EXPECT_EQ(code_of(decode_text(body)), ErrorCode::message_malformed);
  Limits roomy;
  roomy.max_body = body.size();
  const Request request = decode_request(body, {}, roomy);
  EXPECT_FALSE(request.error);
  EXPECT_EQ(request.job.param, big);
  --roomy.max_body;
  EXPECT_EQ(code_of(decode_request(body, {}, roomy)), ErrorCode::message_malformed);
}

TEST(DialectMalformed, RepeatedKeysLastCounts) {
  const Request request = decode_text(
      R"({"mqkey":"x.y.z","mqkey":"a.scheduler.sendSync","mqtype":"cast","agent_ip":"::1","app":"a","func":"f",)"
      R"("param":{"first":1},"p\u0061ram":[ 2 ]})");
  EXPECT_FALSE(request.error) << said(request);
  EXPECT_EQ(request.job.param, "[2]");
}

TEST(DialectApiJob, FieldsAndTypes) {
  const std::string body =
      R"({"ip":"::1","app":"a","func":"f","param":{"k": [1.50, 2]},"timeout":"5","mode":"SSNP"})";
  const Request request = decode_api_job(body, true, kLimits);
  EXPECT_FALSE(request.error) << said(request);
  EXPECT_EQ(request.job.type, JobType::sync);
  EXPECT_EQ(request.job.dialect, Dialect::flat);
  EXPECT_EQ(request.job.from, "http");
  EXPECT_EQ(request.job.param, R"({"k":[1.50,2]})");
  EXPECT_EQ(request.job.timeout, Seconds(5));
  EXPECT_FALSE(request.job.announce);
  EXPECT_FALSE(request.job.reply);
  EXPECT_FALSE(request.answerable);

  struct Case {
    json::value type;
    std::optional<JobType> expected;
  };
  const std::vector<Case> cases = {
      {nullptr, JobType::sync}, {"", JobType::sync},       {"rt", JobType::sync},
      {"cron", JobType::cron},  {"queue", JobType::queue}, {"Cron", std::nullopt},
      {1, std::nullopt},        {false, std::nullopt},     {"cron/queue", std::nullopt}};
  for (const Case& c : cases) {
    const json::object job{{"ip", "::1"}, {"app", "a"}, {"func", "f"}, {"type", c.type}};
    const Request typed = decode_api_job(json::serialize(job), true, kLimits);
    const auto error = c.expected ? std::nullopt : std::optional(ErrorCode::illegal_type);
    EXPECT_EQ(code_of(typed), error) << c.type;
    EXPECT_EQ(typed.job.type, c.expected.value_or(JobType::sync)) << c.type;
  }
  for (const char* broken : {"", "[]", "{", "null", "{}{}"}) {
    EXPECT_EQ(code_of(decode_api_job(broken, true, kLimits)), ErrorCode::message_malformed) << broken;
  }
  EXPECT_EQ(code_of(decode_api_job("{}", true, kLimits)), ErrorCode::illegal_ip);
}

TEST(DialectApiJob, NobodyWaitsForASynchronousOne) {
  const auto decoded = [](std::string_view type) {
    return decode_api_job(R"({"ip":"::1","app":"a","func":"f")" + std::string(type) + "}", false, kLimits);
  };
  for (const char* none : {"", R"(,"type":"")", R"(,"type":null)", R"(,"type":"queue")"}) {
    EXPECT_FALSE(decoded(none).error) << none;
    EXPECT_EQ(decoded(none).job.type, JobType::queue) << none;
  }
  EXPECT_EQ(decoded(R"(,"type":"cron")").job.type, JobType::cron);
  EXPECT_EQ(code_of(decoded(R"(,"type":"rt")")), ErrorCode::illegal_type);
  EXPECT_NE(said(decoded(R"(,"type":"rt")")).find("wait=true"), std::string::npos);
}

TEST(DialectApiJob, AnUnknownFieldIsNotPassedOver) {
  const auto said_of = [](const std::string& field) {
    const auto request = decode_api_job(R"({"ip":"::1","app":"a","func":"f",)" + field + "}", true, kLimits);
    EXPECT_EQ(code_of(request), ErrorCode::message_malformed) << field;
    return said(request);
  };
  EXPECT_EQ(said_of(R"("parm":"x")"), R"(unknown field "parm"; the nearest known one is param)");
  EXPECT_EQ(said_of(R"("time_out":5)"), R"(unknown field "time_out"; the nearest known one is timeout)");
  EXPECT_EQ(said_of(R"("Type":null)"), R"(unknown field "Type"; the nearest known one is type)");
  EXPECT_LT(said_of('"' + std::string(100000, 'x') + R"(":1)").size(), 200U);
}

}  // namespace
}  // namespace elves::dialect
