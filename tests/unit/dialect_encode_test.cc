// Answers: read back with a JSON parser, field by field.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <ctime>
#include <string>
#include <vector>

#include "dialect/envelope.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

json::object parse(const std::string& text) {
  boost::json::error_code fault;
  const json::value value = json::parse(text, fault);
  EXPECT_FALSE(fault) << text;
  return value.is_object() ? value.get_object() : json::object();
}

std::vector<std::string> keys(const json::object& object) {
  std::vector<std::string> names;
  for (const auto& member : object) names.emplace_back(member.key());
  return names;
}

WallTime local_time(int hour, int minute, int second) {
  std::tm time{};
  time.tm_year = 116;
  time.tm_mon = 5;
  time.tm_mday = 27;
  time.tm_hour = hour;
  time.tm_min = minute;
  time.tm_sec = second;
  time.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&time));
}

Job flat_job() {
  Job job;
  job.log_id = LogId(0xBF0EE718FCC41307U);
  job.from = "openapi";
  job.mid = "88499CCA100F214";
  job.agent_ip = "192.168.1.1";
  job.mode = "sap";
  job.app = "testapp";
  job.func = "mod1";
  job.param = "{\"a\": \"\\\"\"}";
  job.proxy = "sh|x.sh";
  job.timeout = Seconds(50);
  return job;
}
Job body_job() {
  Job job = flat_job();
  job.dialect = Dialect::body;
  job.mode = "NP";
  job.mid = "";
  return job;
}
Job asynchronous(Job job, JobType type) {
  job.type = type;
  job.from = wire_name(type);
  job.id = "id-1";
  if (job.dialect == Dialect::flat) job.rand_id = "rand-1";
  return job;
}

Outcome success() {
  Outcome outcome;
  outcome.agent = {.ok = true, .error = {}, .cost = Millis(50)};
  outcome.worker = WorkerAnswer{.flag = 1, .costtime = 74, .result = "done"};
  outcome.processor = {.ok = true, .error = {}, .cost = Millis(5)};
  outcome.started = local_time(12, 51, 5);
  outcome.ended = local_time(12, 51, 6);
  outcome.called_back = local_time(12, 51, 7);
  return outcome;
}
Outcome unreached() {
  Outcome outcome;
  outcome.error = Error{ErrorCode::send_failed, "connection refused"};
  outcome.agent = {.ok = false, .error = outcome.error, .cost = Millis(3)};
  return outcome;
}
Outcome rejection(ErrorCode code) {
  Outcome outcome;
  outcome.rejected = true;
  outcome.error = Error{code, "because"};
  return outcome;
}

const json::object kData{{"flag", 1},
                         {"error", ""},
                         {"log_id", "BF0EE718FCC41307"},
                         {"agent_ip", "192.168.1.1"},
                         {"mode", "sap"},
                         {"app", "testapp"},
                         {"func", "mod1"},
                         {"param", "{\"a\": \"\\\"\"}"},
                         {"timeout", 50},
                         {"proxy", "sh|x.sh"},
                         {"starttime", "2016-06-27 12:51:05"},
                         {"agent_sync_flag", 1},
                         {"agent_sync_error", ""},
                         {"agent_sync_costtime", 50},
                         {"worker_message", "done"},
                         {"worker_costtime", 74},
                         {"processor_sync_flag", 1},
                         {"processor_sync_error", ""},
                         {"processor_sync_costtime", 5},
                         {"endtime", "2016-06-27 12:51:06"},
                         {"result_flag", 1}};

json::object plus(json::object object, const json::object& more) {
  for (const auto& [key, value] : more) object[key] = value;
  return object;
}

TEST(DialectEncode, FlatReply) {
  const json::object reply = parse(encode_reply(flat_job(), success()));
  const json::object expected{{"mqkey", "scheduler.openapi.sendSync.88499CCA100F214"},
                              {"mqtype", "cast"},
                              {"mqflag", "1"},
                              {"mqerror", ""},
                              {"data", kData}};
  EXPECT_EQ(reply, expected);
  EXPECT_EQ(keys(reply), keys(expected));
  EXPECT_EQ(keys(reply.at("data").as_object()), keys(kData)) << "the order of the reference";
}

TEST(DialectEncode, FlatReplyWithoutMid) {
  Job job = flat_job();
  job.mid = "";
  EXPECT_EQ(parse(encode_reply(job, success())).at("mqkey"), "scheduler.openapi.sendSync");
}

TEST(DialectEncode, FlatFailures) {
  const json::object unsent = parse(encode_reply(flat_job(), unreached()));
  EXPECT_EQ(unsent.at("mqflag"), "1") << "carried out, though it failed";
  EXPECT_EQ(unsent.at("mqerror"), "");
  const json::object& data = unsent.at("data").as_object();
  EXPECT_EQ(keys(data), keys(kData));
  EXPECT_EQ(data.at("flag"), 0);
  EXPECT_EQ(data.at("error"), "[410.0]Send Job To Agent Fail...: connection refused");
  EXPECT_EQ(data.at("agent_sync_flag"), 0);
  EXPECT_EQ(data.at("agent_sync_error"), data.at("error"));
  EXPECT_EQ(data.at("agent_sync_costtime"), 3);
  EXPECT_EQ(data.at("worker_message"), "");
  EXPECT_EQ(data.at("worker_costtime"), 0);
  EXPECT_EQ(data.at("starttime"), "");
  EXPECT_EQ(data.at("endtime"), "");
  EXPECT_EQ(data.at("result_flag"), 0);

  Outcome killed = success();
  killed.worker->flag = -1;
  const json::object worker_failed = parse(encode_reply(flat_job(), killed));
  EXPECT_EQ(worker_failed.at("mqflag"), "1");
  EXPECT_EQ(worker_failed.at("data").at("flag"), -1);
  EXPECT_EQ(worker_failed.at("data").at("result_flag"), 0);

  Outcome unprocessed = success();
  unprocessed.error = Error{ErrorCode::processor_failed, ""};
  unprocessed.processor = {.ok = false, .error = unprocessed.error, .cost = Millis(2)};
  const json::object processor = parse(encode_reply(flat_job(), unprocessed));
  EXPECT_EQ(processor.at("data").at("flag"), 1);
  EXPECT_EQ(processor.at("data").at("processor_sync_error"), "[413.3]Send Result To Processor Fail");
  EXPECT_EQ(processor.at("data").at("error"), "[413.3]Send Result To Processor Fail");
  EXPECT_EQ(processor.at("data").at("result_flag"), 0);
}

TEST(DialectEncode, FlatRejections) {
  const json::object reply = parse(encode_reply(flat_job(), rejection(ErrorCode::illegal_ip)));
  EXPECT_EQ(reply.at("mqflag"), "0");
  EXPECT_EQ(reply.at("mqerror"), "[403.1]Request Params (ip) Illegal: because");
  EXPECT_EQ(reply.at("data").at("error"), reply.at("mqerror"));
  EXPECT_EQ(reply.at("data").at("log_id"), "BF0EE718FCC41307");
  EXPECT_EQ(keys(reply.at("data").as_object()), keys(kData));

  Job job = flat_job();
  job.mid = "reboot.77";
  EXPECT_EQ(parse(encode_reply(job, rejection(ErrorCode::unknown_action))).at("mqkey"),
            "scheduler.openapi.reboot.77");
  job.from = "";
  EXPECT_EQ(parse(encode_reply(job, rejection(ErrorCode::message_malformed))).at("mqkey"), "scheduler");
}

TEST(DialectEncode, Acceptance) {
  const Job job = asynchronous(flat_job(), JobType::cron);
  Outcome accepted;
  accepted.running = true;
  accepted.agent = {.ok = true, .error = {}, .cost = Millis(4)};
  const json::object reply = parse(encode_acceptance(job, accepted));
  EXPECT_EQ(reply.at("mqkey"), "scheduler.cron.sendAsync.88499CCA100F214");
  EXPECT_EQ(reply.at("mqtype"), "cast");
  EXPECT_EQ(reply.at("mqflag"), "1");
  const json::object& data = reply.at("data").as_object();
  EXPECT_EQ(keys(data), keys(plus(kData, {{"id", ""}, {"rand_id", ""}, {"job_type", ""}})));
  EXPECT_EQ(data.at("id"), "id-1");
  EXPECT_EQ(data.at("rand_id"), "rand-1");
  EXPECT_EQ(data.at("job_type"), "cron");
  EXPECT_EQ(data.at("result_flag"), 2);

  const json::object unsent = parse(encode_acceptance(job, unreached()));
  EXPECT_EQ(unsent.at("mqflag"), "1");
  EXPECT_EQ(unsent.at("data").at("result_flag"), 0);
  EXPECT_EQ(unsent.at("data").at("error"), "[410.1]Send Job To Agent Fail...: connection refused");

  const json::object rejected = parse(encode_acceptance(job, rejection(ErrorCode::illegal_app)));
  EXPECT_EQ(rejected.at("mqflag"), "0");
  EXPECT_EQ(rejected.at("data").at("job_type"), "cron");
  EXPECT_EQ(parse(encode_acceptance(job, rejection(ErrorCode::illegal_type))).at("data").at("job_type"), "");
}

TEST(DialectEncode, FlatTerminal) {
  for (const JobType type : {JobType::cron, JobType::queue}) {
    const Job job = asynchronous(flat_job(), type);
    const bool cron = type == JobType::cron;
    const json::object message = parse(encode_terminal(job, success()));
    const json::object expected{
        {"mqkey", cron ? "scheduler.cron.cronResult.id-1" : "scheduler.queue.taskResult.id-1"},
        {"mqtype", "cast"},
        {"mqflag", "1"},
        {"mqerror", ""},
        {"data", plus(kData, {{"id", "id-1"},
                              {"rand_id", "rand-1"},
                              {"job_type", cron ? "cron" : "queue"},
                              {"agent_callback_time", "2016-06-27 12:51:07"}})}};
    EXPECT_EQ(message, expected);
    EXPECT_EQ(terminal_route(job), (ReplyRoute{false, cron ? "scheduler.cron" : "scheduler.queue", ""}));
  }
  Outcome late = rejection(ErrorCode::job_timeout);
  late.rejected = false;
  const json::object timeout = parse(encode_terminal(asynchronous(flat_job(), JobType::cron), late));
  EXPECT_EQ(timeout.at("mqflag"), "1");
  EXPECT_EQ(timeout.at("data").at("error"), "[410.2]Job Timeout: because");
  EXPECT_EQ(timeout.at("data").at("agent_callback_time"), "");
}

TEST(DialectEncode, BodyReply) {
  const json::object result{
      {"id", "BF0EE718FCC41307"}, {"worker_flag", 1}, {"worker_message", "done"}, {"worker_costtime", 74}};
  const json::object expected{{"mqkey", "scheduler.openapi"},
                              {"mqtype", "cast"},
                              {"mqflag", "cast"},
                              {"mqbody", {{"flag", "true"}, {"error", ""}, {"result", result}}}};
  EXPECT_EQ(parse(encode_reply(body_job(), success())), expected);

  Outcome failed = success();
  failed.worker->flag = 0;
  const json::object worker_failed = parse(encode_reply(body_job(), failed));
  EXPECT_EQ(worker_failed.at("mqbody").at("flag"), "true") << "the agent answered";
  EXPECT_EQ(worker_failed.at("mqbody").at("result").at("worker_flag"), 0);

  Outcome doubtful = success();
  doubtful.error = Error{ErrorCode::internal, ""};
  EXPECT_EQ(parse(encode_reply(body_job(), doubtful)).at("mqbody").at("flag"), "false")
      << "an error is never success";

  const json::object unsent = parse(encode_reply(body_job(), unreached()));
  EXPECT_EQ(unsent.at("mqbody"),
            (json::value{{"flag", "false"},
                         {"error", "[410.0]Send Job To Agent Fail...: connection refused"},
                         {"result", {{"id", "BF0EE718FCC41307"}}}}));
  EXPECT_EQ(parse(encode_reply(body_job(), rejection(ErrorCode::unknown_action))).at("mqbody").at("error"),
            "[400.2]Unknown Action: because");
}

TEST(DialectEncode, BodyTerminal) {
  const json::object queue = parse(encode_terminal(asynchronous(body_job(), JobType::queue), success()));
  const json::object result{
      {"id", "id-1"}, {"worker_flag", 1}, {"worker_message", "done"}, {"worker_costtime", 74}};
  EXPECT_EQ(queue, (json::object{{"mqkey", "scheduler.queue.taskResult"},
                                 {"mqtype", "cast"},
                                 {"mqbody", {{"flag", "true"}, {"error", ""}, {"result", result}}}}));
  const json::object cron = parse(encode_terminal(asynchronous(body_job(), JobType::cron), unreached()));
  EXPECT_EQ(cron.at("mqkey"), "scheduler.cron.cronResult");
  EXPECT_EQ(cron.at("mqbody"), (json::value{{"flag", "false"},
                                            {"error", "[410.1]Send Job To Agent Fail...: connection refused"},
                                            {"result", {{"id", "id-1"}}}}));
}

TEST(DialectEncode, ApiJob) {
  json::object job = parse(encode_api_job(asynchronous(flat_job(), JobType::queue), success(), "published"));
  EXPECT_TRUE(job.at("starttime").as_string().starts_with("2016-06-27T12:51:05.000"));
  EXPECT_TRUE(job.at("endtime").as_string().starts_with("2016-06-27T12:51:06.000"));
  job["starttime"] = kData.at("starttime");
  job["endtime"] = kData.at("endtime");
  EXPECT_EQ(job, plus(kData, {{"id", "id-1"},
                              {"rand_id", "rand-1"},
                              {"type", "queue"},
                              {"dialect", "flat"},
                              {"state", "published"},
                              {"outcome", "succeeded"},
                              {"attempts", 0}}));
  EXPECT_EQ(parse(encode_api_job(body_job(), success(), "x")).at("dialect"), "body");
  EXPECT_EQ(parse(encode_api_job(body_job(), success(), "x")).at("type"), "rt");
  EXPECT_EQ(parse(encode_api_job(flat_job(), success(), "x", ApiTexts::lost)).at("texts_left_out"), 1);
  const json::object brief = parse(encode_api_job(flat_job(), success(), "x", ApiTexts::unasked));
  EXPECT_FALSE(brief.contains("param") || brief.contains("worker_message"));
  EXPECT_EQ(brief.at("flag"), 1);
}

TEST(DialectEncode, TheOutcomeInAWord) {
  const auto failed = [](ErrorCode code) {
    Outcome outcome = success();
    outcome.error = Error{code, ""};
    return outcome_word(outcome, false);
  };
  const auto answered = [](int flag) {
    Outcome outcome = success();
    outcome.worker->flag = flag;
    return outcome_word(outcome, false);
  };
  EXPECT_EQ(outcome_word({}, true), "running");
  Outcome with_processor = success();
  with_processor.running = true;
  EXPECT_EQ(outcome_word(with_processor, false), "running");
  EXPECT_EQ(answered(1), "succeeded");
  EXPECT_EQ(answered(0), "failed");
  EXPECT_EQ(answered(-1), "not_run");
  EXPECT_EQ(failed(ErrorCode::processor_failed), "failed");
  EXPECT_EQ(failed(ErrorCode::app_not_found), "failed");
  EXPECT_EQ(failed(ErrorCode::job_timeout), "unknown");
  EXPECT_EQ(failed(ErrorCode::outcome_unknown), "unknown");
  EXPECT_EQ(failed(ErrorCode::agent_answer_illegal), "unknown");
  for (const ErrorCode code : {ErrorCode::send_failed, ErrorCode::overloaded, ErrorCode::illegal_ip})
    EXPECT_EQ(failed(code), "not_run");
}

}  // namespace
}  // namespace elves::dialect
