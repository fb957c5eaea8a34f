// JobRecord to bytes. Which field has which id, and which are optional: idl/journal.thrift.
#include <chrono>

#include "journal/codes.h"
#include "journal/compact_struct.h"
#include "journal/record_codec.h"

namespace elves::journal {

namespace {

std::int64_t to_us(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

void put(CompactStruct to, const Error& error) {
  to.i32(1, code_of(error_codes, error.code));
  to.bytes(2, error.detail);
  to.end();
}

void put(CompactStruct to, const ReplyRoute& route) {
  to.flag(1, route.direct);
  to.bytes(2, route.routing_key);
  to.bytes(3, route.correlation_id);
  to.end();
}

void put(CompactStruct to, const Job& job) {
  to.i64(1, static_cast<std::int64_t>(job.log_id.value()));
  to.i32(2, code_of(type_codes, job.type));
  to.i32(3, code_of(dialect_codes, job.dialect));
  to.bytes(4, job.from);
  to.bytes(5, job.mid);
  to.bytes(6, job.id);
  to.bytes(7, job.rand_id);
  to.bytes(8, job.agent_ip);
  to.bytes(9, job.mode);
  to.bytes(10, job.app);
  to.bytes(11, job.func);
  to.bytes(12, job.param);
  to.bytes(13, job.proxy);
  to.i64(14, job.timeout.count());
  if (job.reply) put(to.inner(15), *job.reply);
  to.flag(16, job.announce);
  to.flag(17, job.may_be_repeat);
  if (!job.caller.empty()) to.bytes(18, job.caller);
  to.end();
}

void put(CompactStruct to, const Stage& stage) {
  to.flag(1, stage.ok);
  if (stage.error) put(to.inner(2), *stage.error);
  to.i64(3, stage.cost.count());
  if (stage.asked) to.flag(4, true);
  to.end();
}

void put(CompactStruct to, const WorkerAnswer& answer) {
  to.i32(1, answer.flag);
  to.i32(2, answer.costtime);
  to.bytes(3, answer.result);
  to.end();
}

void put(CompactStruct to, const Outcome& outcome) {
  to.flag(1, outcome.rejected);
  to.flag(2, outcome.running);
  if (outcome.error) put(to.inner(3), *outcome.error);
  put(to.inner(4), outcome.agent);
  if (outcome.worker) put(to.inner(5), *outcome.worker);
  put(to.inner(6), outcome.processor);
  to.i64(7, to_us(outcome.started));
  to.i64(8, to_us(outcome.ended));
  to.i64(9, to_us(outcome.called_back));
  if (outcome.attempts != 0) to.i32(10, static_cast<std::int32_t>(outcome.attempts));
  to.end();
}

}  // namespace

void encode_record(const JobRecord& record, Appender& to) {
  CompactStruct stored(to);
  put(stored.inner(1), *record.job);
  put(stored.inner(2), record.outcome);
  stored.i64(3, static_cast<std::int64_t>(record.job->fingerprint));
  if (record.acknowledged) stored.flag(4, true);
  if (record.unsent) stored.flag(5, true);
  if (record.texts_left_out) stored.flag(6, true);
  stored.end();
}

Entry entry_of(const JobRecord& record, Appender& memory) {
  constexpr std::size_t large = std::size_t{64} << 10;
  encode_record(record, memory);
  Entry entry{.id = record.job->log_id,
              .state = record.state,
              .only_history = record.only_history(),
              .begun = to_us(record.outcome.started),
              .agent_ip = record.job->agent_ip,
              .record = memory.size() < large ? std::string(memory.view()) : memory.take()};
  memory.clear();
  return entry;
}

}  // namespace elves::journal
