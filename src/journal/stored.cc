#include "journal/stored.h"

#include <array>
#include <chrono>
#include <utility>

namespace elves::journal {

namespace {

template <class Value, class Stored, std::size_t Count>
using Pairs = std::array<std::pair<Value, Stored>, Count>;

constexpr Pairs<ErrorCode, StoredErrorCode::type, 18> error_codes{{
    {ErrorCode::internal, StoredErrorCode::internal},
    {ErrorCode::message_malformed, StoredErrorCode::message_malformed},
    {ErrorCode::unknown_action, StoredErrorCode::unknown_action},
    {ErrorCode::illegal_ip, StoredErrorCode::illegal_ip},
    {ErrorCode::illegal_param, StoredErrorCode::illegal_param},
    {ErrorCode::illegal_app, StoredErrorCode::illegal_app},
    {ErrorCode::illegal_mode, StoredErrorCode::illegal_mode},
    {ErrorCode::illegal_func, StoredErrorCode::illegal_func},
    {ErrorCode::illegal_timeout, StoredErrorCode::illegal_timeout},
    {ErrorCode::illegal_id, StoredErrorCode::illegal_id},
    {ErrorCode::illegal_type, StoredErrorCode::illegal_type},
    {ErrorCode::send_failed, StoredErrorCode::send_failed},
    {ErrorCode::job_timeout, StoredErrorCode::job_timeout},
    {ErrorCode::outcome_unknown, StoredErrorCode::outcome_unknown},
    {ErrorCode::agent_answer_illegal, StoredErrorCode::agent_answer_illegal},
    {ErrorCode::overloaded, StoredErrorCode::overloaded},
    {ErrorCode::app_not_found, StoredErrorCode::app_not_found},
    {ErrorCode::processor_failed, StoredErrorCode::processor_failed},
}};
constexpr Pairs<JobType, StoredType::type, 3> types{{
    {JobType::sync, StoredType::sync},
    {JobType::cron, StoredType::cron},
    {JobType::queue, StoredType::queue},
}};
constexpr Pairs<Dialect, StoredDialect::type, 2> dialects{{
    {Dialect::flat, StoredDialect::flat},
    {Dialect::body, StoredDialect::body},
}};

// What is not in the table becomes its first row.
template <class Value, class Stored, std::size_t Count>
Stored number_of(const Pairs<Value, Stored, Count>& table, Value value) {
  for (const auto& [known, stored] : table) {
    if (known == value) return stored;
  }
  return table[0].second;
}
template <class Value, class Stored, std::size_t Count>
Value value_of(const Pairs<Value, Stored, Count>& table, Stored number) {
  for (const auto& [known, stored] : table) {
    if (stored == number) return known;
  }
  return table[0].first;
}

std::int64_t to_us(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
WallTime from_us(std::int64_t us) { return WallTime(std::chrono::microseconds(us)); }

StoredError to_stored(const Error& error) {
  StoredError stored;
  stored.code = number_of(error_codes, error.code);
  stored.detail = error.detail;
  return stored;
}
Error from_stored(StoredError&& stored) {
  return {.code = value_of(error_codes, stored.code), .detail = std::move(stored.detail)};
}

StoredRoute to_stored(const ReplyRoute& route) {
  StoredRoute stored;
  stored.direct = route.direct;
  stored.routing_key = route.routing_key;
  stored.correlation_id = route.correlation_id;
  return stored;
}
ReplyRoute from_stored(StoredRoute&& stored) {
  return {.direct = stored.direct,
          .routing_key = std::move(stored.routing_key),
          .correlation_id = std::move(stored.correlation_id)};
}

StoredAnswer to_stored(const WorkerAnswer& answer) {
  StoredAnswer stored;
  stored.flag = answer.flag;
  stored.costtime_ms = answer.costtime;
  stored.result = answer.result;
  return stored;
}
WorkerAnswer from_stored(StoredAnswer&& stored) {
  return {.flag = stored.flag, .costtime = stored.costtime_ms, .result = std::move(stored.result)};
}

StoredJob to_stored(const Job& job) {
  StoredJob stored;
  stored.log_id = static_cast<std::int64_t>(job.log_id.value());
  stored.type = number_of(types, job.type);
  stored.dialect = number_of(dialects, job.dialect);
  stored.origin = job.from;
  stored.mid = job.mid;
  stored.id = job.id;
  stored.rand_id = job.rand_id;
  stored.agent_ip = job.agent_ip;
  stored.mode = job.mode;
  stored.app = job.app;
  stored.func = job.func;
  stored.param = job.param;
  stored.proxy = job.proxy;
  stored.timeout_s = job.timeout.count();
  if (job.reply) stored.__set_reply(to_stored(*job.reply));
  stored.announce = job.announce;
  stored.may_be_repeat = job.may_be_repeat;
  if (!job.caller.empty()) stored.__set_caller(job.caller);
  return stored;
}
Job from_stored(StoredJob&& stored) {
  Job job{.log_id = LogId(static_cast<std::uint64_t>(stored.log_id)),
          .type = value_of(types, stored.type),
          .dialect = value_of(dialects, stored.dialect),
          .from = std::move(stored.origin),
          .caller = std::move(stored.caller),
          .mid = std::move(stored.mid),
          .id = std::move(stored.id),
          .rand_id = std::move(stored.rand_id),
          .agent_ip = std::move(stored.agent_ip),
          .mode = std::move(stored.mode),
          .app = std::move(stored.app),
          .func = std::move(stored.func),
          .param = std::move(stored.param),
          .proxy = std::move(stored.proxy),
          .timeout = Seconds(stored.timeout_s),
          .reply = {},
          .announce = stored.announce,
          .may_be_repeat = stored.may_be_repeat,
          .fingerprint = 0};
  if (stored.__isset.reply) job.reply = from_stored(std::move(stored.reply));
  return job;
}

StoredStage to_stored(const Stage& stage) {
  StoredStage stored;
  stored.ok = stage.ok;
  if (stage.error) stored.__set_error(to_stored(*stage.error));
  stored.cost_ms = stage.cost.count();
  if (stage.asked) stored.__set_asked(true);
  return stored;
}
Stage from_stored(StoredStage&& stored) {
  Stage stage{.ok = stored.ok,
              .error = {},
              .cost = Millis(stored.cost_ms),
              .asked = stored.__isset.asked && stored.asked};
  if (stored.__isset.error) stage.error = from_stored(std::move(stored.error));
  return stage;
}

StoredOutcome to_stored(const Outcome& outcome) {
  StoredOutcome stored;
  stored.rejected = outcome.rejected;
  stored.running = outcome.running;
  if (outcome.error) stored.__set_error(to_stored(*outcome.error));
  stored.agent = to_stored(outcome.agent);
  if (outcome.worker) stored.__set_worker(to_stored(*outcome.worker));
  stored.processor = to_stored(outcome.processor);
  stored.started_us = to_us(outcome.started);
  stored.ended_us = to_us(outcome.ended);
  stored.called_back_us = to_us(outcome.called_back);
  if (outcome.attempts != 0) stored.__set_attempts(static_cast<std::int32_t>(outcome.attempts));
  return stored;
}
Outcome from_stored(StoredOutcome&& stored) {
  Outcome outcome{.rejected = stored.rejected,
                  .running = stored.running,
                  .error = {},
                  .agent = from_stored(std::move(stored.agent)),
                  .worker = {},
                  .processor = from_stored(std::move(stored.processor)),
                  .started = from_us(stored.started_us),
                  .ended = from_us(stored.ended_us),
                  .called_back = from_us(stored.called_back_us),
                  .attempts = stored.__isset.attempts ? static_cast<std::uint32_t>(stored.attempts) : 0};
  if (stored.__isset.error) outcome.error = from_stored(std::move(stored.error));
  if (stored.__isset.worker) outcome.worker = from_stored(std::move(stored.worker));
  return outcome;
}

}  // namespace

StoredRecord to_stored(const JobRecord& record) {
  StoredRecord stored;
  stored.job = to_stored(*record.job);
  stored.outcome = to_stored(record.outcome);
  stored.fingerprint = static_cast<std::int64_t>(record.job->fingerprint);
  if (record.acknowledged) stored.__set_acknowledged(true);
  if (record.unsent) stored.__set_unsent(true);
  return stored;
}

JobRecord from_stored(StoredRecord&& stored) {
  JobRecord record;
  Job job = from_stored(std::move(stored.job));
  job.fingerprint = static_cast<std::uint64_t>(stored.fingerprint);
  record.job = std::make_shared<const Job>(std::move(job));
  record.outcome = from_stored(std::move(stored.outcome));
  record.acknowledged = stored.__isset.acknowledged && stored.acknowledged;
  record.unsent = stored.__isset.unsent && stored.unsent;
  return record;
}

}  // namespace elves::journal
