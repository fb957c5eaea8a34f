// Second attempts: asynchronous jobs whose agent could not be reached.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {

// The call failed, and nothing was sent. Whether there will be another one; if not, the error says how many
// there were.
bool Dispatcher::try_later(OpenJob& open, Error& error) {
  const std::uint32_t made = open.outcome.attempts;
  const auto next = retry_.next(limits_.retry, made, ports_.clock.now(), deadline_of(open));
  if (next) wait_for_retry(open, *next, error);
  if (!next && made > 1) error.detail += fmt::format(" (attempt {})", made);
  return next.has_value();
}

// The journal takes the job over, and its request from the broker, before a pause that may be long. If it
// cannot, the request stays the broker's.
void Dispatcher::wait_for_retry(OpenJob& open, Deadline next, const Error& error) {
  const LogId id = open.job->log_id;
  log::debug("job {} is tried again: {}", id, error.detail);
  open.outcome.agent.error = error;
  open.unsent = true;
  ports_.timers.set(open.pause, next, [this, id] { try_again(id); });
  if (!ports_.journal.durable()) return record(open);
  open.acknowledged = true;
  record(open, [this, id](const Result<void>& kept) {
    OpenJob* job = table_.find(id);
    if (!job || !kept) return;
    acknowledge(*job);
    job->resting = job->unsent;
  });
}

// The journal could not write down that the agent is about to be called, so it was not.
void Dispatcher::on_not_kept(OpenJob& open, const Error& error) {
  --open.outcome.attempts;
  Error refused{ErrorCode::overloaded, error.detail};
  if (open.outcome.attempts > 0 && try_later(open, refused)) return;
  on_not_sent(open, std::move(refused));
}

// No call now, and none later. What was sent before may have run all the same: its result is awaited.
void Dispatcher::on_not_sent(OpenJob& open, Error error) {
  if (!open.job->may_be_repeat) {
    open.unsent = true;
    return fail(open, std::move(error));
  }
  error = {ErrorCode::outcome_unknown, "it may have run when it was sent before; now: " + error.detail};
  open.doubt = open.outcome.agent.error = std::move(error);
  await_result(open);
}

void Dispatcher::try_again(LogId id) {
  OpenJob* open = table_.find(id);
  if (!open || open->state != JobState::received) return;
  if (draining_ && open->resting) return;  // the next process goes on with it
  ports_.metrics.count(Event::job_retried);
  run(*open);
}

}  // namespace elves
