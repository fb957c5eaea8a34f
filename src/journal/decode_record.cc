// Bytes to JobRecord, through the types that Thrift makes of idl/journal.thrift.
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "journal/codes.h"
#include "journal/read_compact.h"
#include "journal/record_codec.h"

namespace elves::journal {

namespace {

WallTime from_us(std::int64_t us) { return WallTime(std::chrono::microseconds(us)); }

Error from_stored(StoredError&& stored) {
  return {.code = value_of(error_codes, stored.code), .detail = std::move(stored.detail)};
}

ReplyRoute from_stored(StoredRoute&& stored) {
  return {.direct = stored.direct,
          .routing_key = std::move(stored.routing_key),
          .correlation_id = std::move(stored.correlation_id)};
}

WorkerAnswer from_stored(StoredAnswer&& stored) {
  return {.flag = stored.flag, .costtime = stored.costtime_ms, .result = std::move(stored.result)};
}

Job from_stored(StoredJob&& stored) {
  Job job{.log_id = LogId(static_cast<std::uint64_t>(stored.log_id)),
          .type = value_of(type_codes, stored.type),
          .dialect = value_of(dialect_codes, stored.dialect),
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

Stage from_stored(StoredStage&& stored) {
  Stage stage{.ok = stored.ok,
              .error = {},
              .cost = Millis(stored.cost_ms),
              .asked = stored.__isset.asked && stored.asked};
  if (stored.__isset.error) stage.error = from_stored(std::move(stored.error));
  return stage;
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

JobRecord from_stored(StoredRecord&& stored) {
  JobRecord record;
  Job job = from_stored(std::move(stored.job));
  job.fingerprint = static_cast<std::uint64_t>(stored.fingerprint);
  record.job = std::make_shared<const Job>(std::move(job));
  record.outcome = from_stored(std::move(stored.outcome));
  record.acknowledged = stored.__isset.acknowledged && stored.acknowledged;
  record.unsent = stored.__isset.unsent && stored.unsent;
  record.texts_left_out = stored.__isset.texts_left_out && stored.texts_left_out;
  return record;
}

}  // namespace

Result<JobRecord> decode_record(std::string_view bytes, JobState state) {
  try {
    JobRecord record = from_stored(read_compact<StoredRecord>(bytes));
    record.state = state;
    return record;
  } catch (const std::exception& fault) {
    return Error{ErrorCode::internal, fault.what()};
  }
}

}  // namespace elves::journal
