// What the journal is told of open jobs, and when.
#include <utility>

#include "dispatch/dispatcher.h"

namespace elves {
namespace {

// A synchronous job that ends within it is history only at its end, one that takes longer from some point of
// this and the double on.
constexpr Millis kShort{200};

}  // namespace

JobRecord Dispatcher::record_of(const OpenJob& open, Outcome outcome) {
  return {open.job, open.state, std::move(outcome), open.acknowledged, open.unsent};
}

void Dispatcher::record(const OpenJob& open, Journal::Kept kept) {
  ports_.journal.write(record_of(open, open.outcome), std::move(kept));
}

void Dispatcher::record_if_long(const OpenJob& open) {
  unrecorded_.push_back({open.job->log_id, ports_.clock.now()});
  if (!record_check_.pending()) check_unrecorded();
}

void Dispatcher::check_unrecorded() {
  ports_.timers.set(record_check_, Deadline::after(ports_.clock, kShort), [this] {
    record_begun_by(ports_.clock.now() - kShort);
    if (!unrecorded_.empty()) check_unrecorded();
  });
}

void Dispatcher::record_begun_by(SteadyTime time) {
  for (; !unrecorded_.empty() && unrecorded_.front().begun <= time; unrecorded_.pop_front()) {
    const OpenJob* open = table_.find(unrecorded_.front().id);
    if (open) record(*open);
  }
}

void Dispatcher::record_all() { record_begun_by(SteadyTime::max()); }

std::vector<JobRecord> Dispatcher::open_records() const {
  std::vector<JobRecord> records;
  records.reserve(table_.size());
  table_.for_each([&](const OpenJob& open) { records.push_back(record_of(open, open.outcome)); });
  return records;
}

}  // namespace elves
