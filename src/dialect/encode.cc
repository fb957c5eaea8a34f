#include <array>
#include <ctime>

#include "base/time_text.h"
#include "dialect/envelope.h"
#include "dialect/error_text.h"
#include "dialect/json_writer.h"

namespace elves::dialect {
namespace {

// Bytes of a message, about.
std::size_t size_hint(const Job& job, const Outcome& outcome) {
  const std::size_t result = outcome.worker ? outcome.worker->result.size() : 0;
  if (job.dialect == Dialect::body) return 384 + result;
  return 1024 + job.param.size() + job.proxy.size() + result;
}

std::string text_of(const std::optional<Error>& error, const Job& job) {
  return error ? error_text(*error, !job.synchronous()) : std::string();
}

// Local time; "" for a time that was never set.
std::string envelope_time(WallTime time) {
  if (time == WallTime{}) return {};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

std::string api_time(WallTime time) { return time == WallTime{} ? std::string() : local_text(time); }

int result_flag(const Outcome& outcome) {
  if (outcome.running) return 2;
  return outcome.succeeded() ? 1 : 0;
}

void write_stage(JsonWriter& json, std::array<std::string_view, 3> keys, const Stage& stage, const Job& job) {
  json.number(keys[0], stage.ok ? 1 : 0);
  json.text(keys[1], text_of(stage.error, job));
  json.number(keys[2], stage.cost.count());
}

// The flat envelope's `data`, as the reference orders it.
void write_data(JsonWriter& json, const Job& job, const Outcome& outcome,
                std::string (*time_text)(WallTime) = envelope_time, bool texts = true) {
  json.number("flag", outcome.worker ? outcome.worker->flag : 0);
  json.text("error", text_of(outcome.error, job));
  json.text("log_id", job.log_id.text());
  json.text("agent_ip", job.agent_ip);
  json.text("mode", job.mode);
  json.text("app", job.app);
  json.text("func", job.func);
  if (texts) json.text("param", job.param);
  json.number("timeout", job.timeout.count());
  json.text("proxy", job.proxy);
  json.text("starttime", time_text(outcome.started));
  write_stage(json, {"agent_sync_flag", "agent_sync_error", "agent_sync_costtime"}, outcome.agent, job);
  if (texts) json.text("worker_message", outcome.worker ? std::string_view(outcome.worker->result) : "");
  json.number("worker_costtime", outcome.worker ? outcome.worker->costtime : 0);
  write_stage(json, {"processor_sync_flag", "processor_sync_error", "processor_sync_costtime"},
              outcome.processor, job);
  json.text("endtime", time_text(outcome.ended));
  json.number("result_flag", result_flag(outcome));
}

void write_names(JsonWriter& json, const Job& job, const Outcome& outcome) {
  const bool type_unknown = outcome.error && outcome.error->code == ErrorCode::illegal_type;
  json.text("id", job.id);
  json.text("rand_id", job.rand_id);
  json.text("job_type", type_unknown ? "" : wire_name(job.type));
}

JsonWriter begin_flat(std::string_view mqkey, const Job& job, const Outcome& outcome) {
  JsonWriter json(size_hint(job, outcome));
  json.text("mqkey", mqkey);
  json.text("mqtype", "cast");
  json.text("mqflag", outcome.rejected ? "0" : "1");
  json.text("mqerror", outcome.rejected ? text_of(outcome.error, job) : "");
  json.begin("data");
  write_data(json, job, outcome);
  if (!job.synchronous()) write_names(json, job, outcome);
  return json;
}

std::string finish_flat(JsonWriter json) {
  json.end();
  return std::move(json).finish();
}

std::string reply_key(const Job& job) {
  std::string key = "scheduler";
  if (!job.from.empty()) key.append(".").append(job.from);
  return key;
}

// scheduler.{from}.{action}.{mid}; of a rejection whose sender or action is not known, as much as is.
std::string flat_reply_key(const Job& job, const Outcome& outcome) {
  std::string mqkey = reply_key(job);
  if (job.from.empty()) return mqkey;
  const bool action_unknown = outcome.error && outcome.error->code == ErrorCode::unknown_action;
  if (!action_unknown) mqkey += job.synchronous() ? ".sendSync" : ".sendAsync";
  if (!job.mid.empty()) mqkey.append(".").append(job.mid);
  return mqkey;
}

// scheduler.cron.cronResult, scheduler.queue.taskResult
std::string terminal_key(const Job& job) {
  return terminal_route(job).routing_key + (job.type == JobType::cron ? ".cronResult" : ".taskResult");
}

// The body envelope's `mqbody`: "true" whenever the agent answered, whatever the worker made of it.
void write_mqbody(JsonWriter& json, const Job& job, const Outcome& outcome) {
  const bool answered = outcome.worker && !outcome.error;
  json.begin("mqbody");
  json.text("flag", answered ? "true" : "false");
  json.text("error", answered ? "" : error_text(outcome.error.value_or(Error{}), !job.synchronous()));
  json.begin("result");
  json.text("id", job.synchronous() ? std::string_view(job.log_id.text()) : job.id);
  if (answered) {
    json.number("worker_flag", outcome.worker->flag);
    json.text("worker_message", outcome.worker->result);
    json.number("worker_costtime", outcome.worker->costtime);
  }
  json.end();
  json.end();
}

}  // namespace

std::string encode_reply(const Job& job, const Outcome& outcome) {
  if (job.dialect == Dialect::flat)
    return finish_flat(begin_flat(flat_reply_key(job, outcome), job, outcome));
  JsonWriter json(size_hint(job, outcome));
  json.text("mqkey", reply_key(job));
  json.text("mqtype", "cast");
  json.text("mqflag", "cast");
  write_mqbody(json, job, outcome);
  return std::move(json).finish();
}

std::string encode_acceptance(const Job& job, const Outcome& outcome) {
  return finish_flat(begin_flat(flat_reply_key(job, outcome), job, outcome));
}

std::string encode_terminal(const Job& job, const Outcome& outcome) {
  if (job.dialect == Dialect::flat) {
    JsonWriter json = begin_flat(terminal_key(job) + '.' + job.id, job, outcome);
    json.text("agent_callback_time", envelope_time(outcome.called_back));
    return finish_flat(std::move(json));
  }
  JsonWriter json(size_hint(job, outcome));
  json.text("mqkey", terminal_key(job));
  json.text("mqtype", "cast");
  write_mqbody(json, job, outcome);
  return std::move(json).finish();
}

ReplyRoute terminal_route(const Job& job) {
  return {.direct = false,
          .routing_key = job.type == JobType::cron ? "scheduler.cron" : "scheduler.queue",
          .correlation_id = {}};
}

std::string_view outcome_word(const Outcome& outcome, bool open) {
  if (open || outcome.running) return "running";
  if (outcome.succeeded()) return "succeeded";
  if (!outcome.error) return outcome.worker && outcome.worker->flag >= 0 ? "failed" : "not_run";
  switch (outcome.error->code) {
    case ErrorCode::app_not_found:
    case ErrorCode::processor_failed:
      return "failed";
    case ErrorCode::job_timeout:
    case ErrorCode::outcome_unknown:
    case ErrorCode::agent_answer_illegal:
    case ErrorCode::internal:
      return "unknown";
    default:
      return "not_run";
  }
}

std::string encode_api_job(const Job& job, const Outcome& outcome, std::string_view state, ApiTexts texts) {
  const bool with_texts = texts != ApiTexts::unasked;
  JsonWriter json(with_texts ? size_hint(job, outcome) : 1024);
  write_data(json, job, outcome, api_time, with_texts);
  json.text("id", job.id);
  json.text("rand_id", job.rand_id);
  json.text("type", wire_name(job.type));
  json.text("dialect", job.dialect == Dialect::flat ? "flat" : "body");
  json.text("state", state);
  json.text("outcome", outcome_word(outcome, state == "received" || state == "accepted"));
  json.number("attempts", outcome.attempts);
  if (texts == ApiTexts::lost) json.number("texts_left_out", 1);
  return std::move(json).finish();
}

}  // namespace elves::dialect
