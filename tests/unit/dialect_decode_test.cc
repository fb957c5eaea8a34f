// Requests: both envelopes, every field wrong in every way, and what is no request at all.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "dialect/envelope.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

Request decode(const json::value& body, const MessageProperties& properties = {}) {
  return decode_request(json::serialize(body), properties, Limits{});
}

json::object flat(std::string_view mqkey, std::string_view mqtype) {
  return {{"mqkey", mqkey}, {"mqtype", mqtype}, {"id", "88499CCA100F214"}, {"agent_ip", "192.168.6.116"},
          {"mode", "sap"},  {"app", "testApp"}, {"func", "test"},          {"param", ""},
          {"timeout", 0},   {"proxy", ""},      {"job_type", "cron"},      {"rand_id", "88499CCA100F218"}};
}
json::object send_sync() { return flat("openapi.scheduler.sendSync.88499CCA100F214", "cast"); }
json::object send_async(std::string_view mqtype = "call") {
  return flat("cron.scheduler.sendAsync.88499CCA100F214", mqtype);
}
json::object body_fields() {
  return {{"id", "42"},      {"ip", "10.0.0.7"}, {"type", "queue"}, {"mode", "np"}, {"app", "apptest"},
          {"func", "hello"}, {"param", "p"},     {"timeout", 30},   {"proxy", ""}};
}
json::object sync_job(std::string_view mqtype = "call.openapi.reply.1") {
  return {{"mqkey", "openapi.scheduler.syncJob"}, {"mqtype", mqtype}, {"mqbody", body_fields()}};
}
json::object async_job() {
  return {{"mqkey", "queue.scheduler.asyncJob"}, {"mqtype", "cast"}, {"mqbody", body_fields()}};
}
json::object with(json::object envelope, std::string_view key, const json::value& value) {
  json::value* body = envelope.if_contains("mqbody");
  (body == nullptr ? envelope : body->as_object())[key] = value;
  return envelope;
}
json::object without(json::object envelope, std::string_view key) {
  json::value* body = envelope.if_contains("mqbody");
  (body == nullptr ? envelope : body->as_object()).erase(key);
  return envelope;
}

std::optional<ErrorCode> code_of(const Request& request) {
  return request.error ? std::optional(request.error->code) : std::nullopt;
}
std::string said(const Request& request) { return request.error ? request.error->detail : "no error"; }

TEST(DialectDecode, ReferenceSendSync) {
  const Request request = decode(send_sync());
  ASSERT_FALSE(request.error) << said(request);
  const Job& job = request.job;
  EXPECT_EQ(job.type, JobType::sync);
  EXPECT_EQ(job.dialect, Dialect::flat);
  EXPECT_EQ(job.from, "openapi");
  EXPECT_EQ(job.mid, "88499CCA100F214");
  EXPECT_EQ(job.agent_ip, "192.168.6.116");
  EXPECT_EQ(job.mode, "sap");
  EXPECT_TRUE(job.wants_processor());
  EXPECT_EQ(job.app, "testApp");
  EXPECT_EQ(job.func, "test");
  EXPECT_EQ(job.param, "");
  EXPECT_EQ(job.proxy, "");
  EXPECT_EQ(job.timeout, Seconds(90));
  EXPECT_TRUE(request.answerable);
  EXPECT_EQ(job.reply, (ReplyRoute{false, "scheduler.openapi", ""}));
}

TEST(DialectDecode, ReferenceSendAsync) {
  const Request request = decode(send_async());
  ASSERT_FALSE(request.error) << said(request);
  EXPECT_EQ(request.job.type, JobType::cron);
  EXPECT_EQ(request.job.id, "88499CCA100F214");
  EXPECT_EQ(request.job.rand_id, "88499CCA100F218");
  EXPECT_EQ(request.job.wire_id().text(), "88499CCA100F214:88499CCA100F218");
  EXPECT_TRUE(request.job.announce);
  EXPECT_EQ(request.job.reply, (ReplyRoute{false, "scheduler.cron", ""}));
}

TEST(DialectDecode, BodyJobs) {
  const Request sync = decode(sync_job());
  ASSERT_FALSE(sync.error) << said(sync);
  EXPECT_EQ(sync.job.type, JobType::sync);
  EXPECT_EQ(sync.job.dialect, Dialect::body);
  EXPECT_EQ(sync.job.from, "openapi");
  EXPECT_EQ(sync.job.agent_ip, "10.0.0.7");
  EXPECT_EQ(sync.job.mode, "np");
  EXPECT_EQ(sync.job.timeout, Seconds(30));
  EXPECT_EQ(sync.job.reply, (ReplyRoute{false, "openapi.reply.1", ""}));

  const Request async = decode(async_job());
  ASSERT_FALSE(async.error) << said(async);
  EXPECT_EQ(async.job.type, JobType::queue);
  EXPECT_EQ(async.job.id, "42");
  EXPECT_EQ(async.job.wire_id().text(), "42");
  EXPECT_FALSE(async.job.reply);
}

TEST(DialectDecode, BodyInAString) {
  json::object envelope = sync_job();
  json::object fields = body_fields();
  fields["param"] = json::object{{"a", 1}};
  envelope["mqbody"] = json::serialize(fields);
  const Request request = decode(envelope);
  ASSERT_FALSE(request.error) << said(request);
  EXPECT_EQ(request.job.app, "apptest");
  EXPECT_EQ(request.job.param, R"({"a":1})");

  for (const char* text : {"", "{", "[]", "7", "\"{}\"", "{\"a\":\"\\ud800\"}"}) {
    envelope["mqbody"] = text;
    const Request broken = decode(envelope);
    EXPECT_EQ(code_of(broken), ErrorCode::message_malformed) << text;
    EXPECT_TRUE(broken.answerable) << text;
  }
}

TEST(DialectDecode, BodyOfAnotherType) {
  for (const json::value& body :
       {json::value(nullptr), json::value(1), json::value(true), json::value(json::array{})}) {
    json::object envelope = async_job();
    envelope["mqbody"] = body;
    const Request request = decode(envelope);
    EXPECT_EQ(code_of(request), ErrorCode::message_malformed) << body;
    EXPECT_FALSE(request.answerable) << body;
  }
  json::object none = sync_job();
  none.erase("mqbody");
  EXPECT_EQ(code_of(decode(none)), ErrorCode::message_malformed);
}

TEST(DialectDecode, Mqkey) {
  struct Case {
    std::string mqkey, from, mid;
  };
  const std::vector<Case> good = {{"openapi.scheduler.sendSync", "openapi", ""},
                                  {"openapi.scheduler.sendSync.", "openapi", ""},
                                  {"openapi.scheduler.sendSync.a", "openapi", "a"},
                                  {"my-app_2.scheduler.sendSync.a.b..c", "my-app_2", "a.b..c"}};
  for (const Case& c : good) {
    const Request request = decode(flat(c.mqkey, "cast"));
    EXPECT_FALSE(request.error) << c.mqkey;
    EXPECT_EQ(request.job.from, c.from);
    EXPECT_EQ(request.job.mid, c.mid);
  }
  const std::vector<std::string> bad = {"",
                                        ".",
                                        "openapi",
                                        "openapi.scheduler",
                                        "openapi.scheduler.",
                                        "openapi.scheduler..x",
                                        ".scheduler.sendSync",
                                        "openapi.other.sendSync",
                                        "a.b.scheduler.sendSync",
                                        "scheduler.scheduler.sendSync.1",
                                        "scheduler.openapi.sendSync.1",
                                        "a b.scheduler.sendSync",
                                        "*.scheduler.sendSync",
                                        "#.scheduler.sendSync",
                                        "Openapi.Scheduler.sendSync",
                                        "openapi.scheduler.sendSync.a\nb",
                                        std::string("openapi.scheduler.sendSync.a\0", 29),
                                        std::string(129, 'a') + ".scheduler.sendSync",
                                        "openapi.scheduler.sendSync." + std::string(500, 'a')};
  for (const std::string& mqkey : bad) {
    const Request request = decode(flat(mqkey, "call"));
    EXPECT_EQ(code_of(request), ErrorCode::message_malformed) << mqkey;
    EXPECT_FALSE(request.answerable) << mqkey;
    EXPECT_TRUE(decode(flat(mqkey, "call"), {.reply_to = "amq.gen-1"}).answerable) << mqkey;
  }
  for (const json::value& mqkey : {json::value(nullptr), json::value(3), json::value(json::object{})}) {
    json::object envelope = send_sync();
    envelope["mqkey"] = mqkey;
    EXPECT_EQ(code_of(decode(envelope)), ErrorCode::message_malformed) << mqkey;
  }
  EXPECT_EQ(code_of(decode(without(send_sync(), "mqkey"))), ErrorCode::message_malformed);
}

TEST(DialectDecode, Mqtype) {
  const std::vector<json::value> bad = {nullptr,
                                        "",
                                        1,
                                        true,
                                        json::array{},
                                        "CALL",
                                        "call.",
                                        "reply",
                                        "call ",
                                        "call.a\nb",
                                        json::value("call." + std::string(256, 'k'))};
  for (const json::value& mqtype : bad) {
    json::object sync = send_sync();
    sync["mqtype"] = mqtype;
    EXPECT_EQ(code_of(decode(sync)), ErrorCode::message_malformed) << mqtype;
    EXPECT_TRUE(decode(sync).answerable) << mqtype;

    json::object async = async_job();
    async["mqtype"] = mqtype;
    EXPECT_EQ(code_of(decode(async)), ErrorCode::message_malformed) << mqtype;
    EXPECT_TRUE(decode(async).answerable) << "by its terminal message, " << mqtype;

    json::object body = sync_job();
    body["mqtype"] = mqtype;
    EXPECT_EQ(code_of(decode(body)), ErrorCode::message_malformed) << mqtype;
    EXPECT_FALSE(decode(body).answerable) << mqtype;
    EXPECT_TRUE(decode(body, {.reply_to = "q"}).answerable) << mqtype;
  }
  EXPECT_EQ(decode(sync_job("call." + std::string(255, 'k'))).job.reply->routing_key.size(), 255U);
}

TEST(DialectDecode, UnknownAction) {
  json::object envelope = flat("openapi.scheduler.reboot.77", "call");
  const Request request = decode(envelope);
  EXPECT_EQ(code_of(request), ErrorCode::unknown_action);
  EXPECT_TRUE(request.answerable);
  EXPECT_EQ(request.job.dialect, Dialect::flat);
  EXPECT_EQ(request.job.mid, "reboot.77");
  EXPECT_EQ(request.job.reply, (ReplyRoute{false, "scheduler.openapi", ""}));

  EXPECT_FALSE(decode(flat("openapi.scheduler.reboot", "cast")).answerable);
  EXPECT_TRUE(decode(flat("openapi.scheduler.reboot", "cast"), {.reply_to = "q"}).answerable);

  json::object body = sync_job("call");
  body["mqkey"] = "openapi.scheduler.SyncJob";
  EXPECT_EQ(code_of(decode(body)), ErrorCode::unknown_action);
  EXPECT_EQ(decode(body).job.dialect, Dialect::body);
  EXPECT_FALSE(decode(body).answerable);
  body["mqtype"] = "call.there";
  EXPECT_EQ(decode(body).job.reply, (ReplyRoute{false, "there", ""}));
}

TEST(DialectDecode, ReplyRoutes) {
  const MessageProperties both{.reply_to = "amq.gen-1", .correlation_id = "c", .message_id = "m"};
  const MessageProperties only_message_id{.reply_to = "amq.gen-1", .message_id = "m"};
  const ReplyRoute direct{true, "amq.gen-1", "c"};
  for (const json::object& envelope :
       {send_sync(), send_async(), sync_job(), sync_job("call"), sync_job("cast")}) {
    EXPECT_EQ(decode(envelope, both).job.reply, direct) << json::value(envelope);
    EXPECT_EQ(decode(envelope, only_message_id).job.reply, (ReplyRoute{true, "amq.gen-1", "m"}));
  }
  EXPECT_EQ(decode(send_async("call.a.b")).job.reply, (ReplyRoute{false, "a.b", ""}));
  EXPECT_EQ(decode(flat("openapi.scheduler.sendSync", "call.k"), {.correlation_id = "c"}).job.reply,
            (ReplyRoute{false, "k", "c"}));

  // Nobody waits for these.
  EXPECT_FALSE(decode(send_async("cast")).job.reply);
  EXPECT_FALSE(decode(send_async("cast"), both).job.reply);
  EXPECT_FALSE(decode(async_job(), both).job.reply);
  const Request cast = decode(sync_job("cast"));
  EXPECT_FALSE(cast.error);
  EXPECT_FALSE(cast.job.reply);
  EXPECT_FALSE(decode(with(sync_job("cast"), "ip", "x")).answerable);

  // Somebody waits, and cannot be told.
  const Request lost = decode(sync_job("call"));
  EXPECT_EQ(code_of(lost), ErrorCode::message_malformed);
  EXPECT_FALSE(lost.answerable);
  EXPECT_EQ(lost.job.app, "apptest");
}

TEST(DialectDecode, WhoHearsOfAnAsynchronousRejection) {
  const auto rejected = [](json::object envelope) { return with(std::move(envelope), "app", ""); };
  EXPECT_TRUE(decode(rejected(async_job())).answerable);
  EXPECT_TRUE(decode(rejected(send_async("cast"))).answerable);

  Request request = decode(with(async_job(), "type", "rt"));
  EXPECT_EQ(code_of(request), ErrorCode::illegal_type);
  EXPECT_TRUE(request.answerable) << "the sender is queue";
  EXPECT_EQ(request.job.type, JobType::queue);

  json::object from_cron = with(async_job(), "type", 5);
  from_cron["mqkey"] = "cron.scheduler.asyncJob";
  request = decode(from_cron);
  EXPECT_TRUE(request.answerable);
  EXPECT_EQ(request.job.type, JobType::cron);

  for (const char* sender : {"openapi", "rt"}) {
    json::object elsewhere = with(async_job(), "type", "");
    elsewhere["mqkey"] = std::string(sender) + ".scheduler.asyncJob";
    EXPECT_FALSE(decode(elsewhere).answerable) << sender;
    EXPECT_FALSE(decode(elsewhere).job.synchronous()) << sender;
  }

  for (const json::value& id : {json::value(nullptr), json::value("  "), json::value(json::array{})}) {
    EXPECT_FALSE(decode(with(async_job(), "id", id)).answerable) << id;
    EXPECT_TRUE(decode(with(send_async("call"), "id", id)).answerable) << id;
  }
  request = decode(with(send_async("cast"), "id", json::value(std::string(256, 'i'))));
  EXPECT_EQ(code_of(request), ErrorCode::illegal_id);
  EXPECT_TRUE(request.answerable);
  EXPECT_EQ(request.job.id.size(), 256U);
}

}  // namespace
}  // namespace elves::dialect
