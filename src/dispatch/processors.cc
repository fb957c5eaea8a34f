// The app's processor, which is called between a job's settlement and its last message: docs/adr/0013.
#include <utility>

#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {

// The job is settled, and the journal knows.
void Dispatcher::conclude(OpenJob& open) {
  if (!open.job->synchronous()) tell_peers(open);
  if (wants_processor(open)) return ask_processor(open);
  publish(open);
}

// Whether a processor is to be told, and was not. What the worker said is told whatever its flag is; without
// an answer of a worker there is nothing to tell.
bool Dispatcher::wants_processor(const OpenJob& open) const {
  const Stage& processor = open.outcome.processor;
  return open.job->wants_processor() && open.outcome.worker && !processor.ok && !processor.error;
}

void Dispatcher::ask_processor(OpenJob& open) {
  const LogId id = open.job->log_id;
  open.asking = open.outcome.running = true;
  // The journal need not hear of a synchronous job: it is not called again after a restart. If it is written
  // down for another reason, that is to be told.
  open.outcome.processor.asked = open.job->synchronous();
  ports_.processors.notify(
      open.job, *open.outcome.worker,
      [this, id](const ProcessorClient::MayLeave& word) { on_leaving(id, word); },
      [this, id](Stage stage) { on_processed(id, std::move(stage)); });
}

// A process after this one is to know that the call may have been made, before it is.
void Dispatcher::on_leaving(LogId id, const ProcessorClient::MayLeave& word) {
  OpenJob* open = table_.find(id);
  if (!open || !open->asking) return word(Error{ErrorCode::processor_failed, "the job has ended"});
  if (open->job->synchronous()) return word({});
  open->outcome.processor.asked = true;
  record(*open, [this, id, word](const Result<void>& kept) {
    if (kept) return word({});
    if (OpenJob* job = table_.find(id)) job->outcome.processor.asked = false;
    word(Error{ErrorCode::processor_failed, "it was not called: " + kept.error().detail});
  });
}

void Dispatcher::on_processed(LogId id, Stage stage) {
  OpenJob* open = table_.find(id);
  if (!open || !std::exchange(open->asking, false)) return;
  Outcome& outcome = open->outcome;
  stage.asked = outcome.processor.asked;
  outcome.processor = std::move(stage);
  outcome.running = false;
  outcome.ended = ports_.clock.wall_now();
  if (!outcome.processor.ok) outcome.error = outcome.processor.error;
  log::debug("job {}: {}", id,
             outcome.processor.ok ? "its processor was told" : outcome.processor.error->detail);
  ports_.metrics.count(outcome.processor.ok ? Event::processor_answered : Event::processor_failed);
  if (open->job->synchronous()) return publish(*open);
  // Kept first: a process after this one must not tell another end.
  record(*open, [this, id](const Result<void>&) {
    if (OpenJob* answered = table_.find(id)) publish(*answered);
  });
}

// This process ends. What the journal has not heard of is told by nobody else; what it has, and was not sent
// yet, is the next one's.
void Dispatcher::stop_asking(OpenJob& open) {
  if (!open.asking) return;
  const bool asked = open.outcome.processor.asked;
  if (open.job->synchronous() || !ports_.journal.durable()) {
    Error error{ErrorCode::processor_failed, asked ? "it may have been called: the scheduler shut down first"
                                                   : "it was not called: the scheduler shut down first"};
    return on_processed(open.job->log_id, {false, std::move(error), Millis(0)});
  }
  open.asking = asked;
}

}  // namespace elves
