// The second half of a job's way: results, settling, publishing, the end.
#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {
namespace {

// Pauses before a result that nobody listens for is sent again.
constexpr Millis kSoonest{1000};
constexpr Millis kLatest{60000};

}  // namespace

void Dispatcher::deliver(AgentResult result, Taken taken) {
  if (result.ip.empty() && !limits_.forwarders.contains(result.peer)) result.ip = result.peer;
  if (OpenJob* open = table_.find_awaiting(result)) {
    if (refuse_stranger(result, open->job->agent_ip, taken)) return;
    // The result may have overtaken the agent's acceptance, or the journal's word on it.
    open->outcome.agent.ok = true;
    open->outcome.running = true;
    open->shared = open->shared || result.may_be_repeat;
    send_acceptance(*open);
    return take_result(*open, std::move(result.answer), std::move(taken));
  }
  deliver_unmatched(std::move(result), std::move(taken));
}

void Dispatcher::deliver_unmatched(AgentResult result, Taken taken) {
  if (full() != nullptr) return taken(false);
  auto match = finished_.match(result);
  if (match.verdict == FinishedJobs::Verdict::unknown) {
    const auto exec_id = LogId::parse(result.exec_id);
    std::string owner;
    const auto interrupted = take_interrupted(result.id, [&](const Job& job) {
      const bool claimed = exec_id ? job.log_id == *exec_id : result.ip.empty() || job.agent_ip == result.ip;
      if (claimed) owner = job.agent_ip;
      return claimed && brought_by(result, owner);
    });
    if (interrupted) return adopt_interrupted(interrupted, std::move(result), std::move(taken));
    if (refuse_unknown(result, owner, taken)) return;
    return adopt_unknown(std::move(result), std::move(taken));
  }
  if (refuse_stranger(result, match.agent_ip, taken)) return;
  OpenJob* settling = table_.find(match.log_id);
  if (match.verdict == FinishedJobs::Verdict::duplicate || (settling && settling->outcome.worker)) {
    ports_.metrics.count(Event::result_duplicate);
    log::debug("second result for {} from {}: ignored", result.id, result.ip);
    if (settling && settling->keeping) return settling->brought_again.push_back(std::move(taken));
    return taken(true);
  }
  if (settling) {
    settling->after_end.push_back([this, result = std::move(result), taken = std::move(taken)]() mutable {
      deliver(std::move(result), std::move(taken));
    });
    return;
  }
  ports_.metrics.count(Event::result_late);
  match.outcome.worker = std::move(result.answer);
  // What did not end here is known by a result only that could not be kept: another scheduler's.
  const bool not_ours = !match.outcome.error;
  adopt(std::move(match.job), std::move(match.outcome), std::move(taken), result.may_be_repeat || not_ours);
}

void Dispatcher::adopt_unknown(AgentResult result, Taken taken) {
  ports_.metrics.count(Event::result_unknown);
  auto rebuilt = ports_.rebuild(result);
  if (!rebuilt) {
    if (const auto held = nameless_.pass(ports_.clock.now())) {
      log::warn("a result from {} names no asynchronous job ({}): dead letter{}", result.peer,
                rebuilt.error().detail, and_more(*held));
    }
    ports_.metrics.count(Event::dead_letter);
    return answer_now(DeadLetter{std::move(result.answer.result), "dataTransport", rebuilt.error()},
                      [taken = std::move(taken)] { taken(true); });
  }
  const auto echoed = LogId::parse(result.exec_id);
  rebuilt->log_id = echoed && !table_.find(*echoed) ? *echoed : log_ids_.next();
  Outcome outcome;
  outcome.started = ports_.clock.wall_now();
  outcome.worker = std::move(result.answer);
  adopt(std::make_shared<const Job>(std::move(*rebuilt)), std::move(outcome), std::move(taken), true);
}

// Opens a job again, or for the first time here, only to settle it with the result that came.
void Dispatcher::adopt(JobPtr job, Outcome outcome, Taken taken, bool shared) {
  OpenJob& open = table_.add(std::move(job), std::nullopt);
  open.adopted = true;
  open.shared = shared;
  open.outcome = std::move(outcome);
  WorkerAnswer answer = std::move(*open.outcome.worker);
  take_result(open, std::move(answer), std::move(taken));
}

void Dispatcher::take_result(OpenJob& open, WorkerAnswer answer, Taken taken) {
  open.outcome.agent.ok = true;
  open.outcome.error.reset();
  open.outcome.agent.error.reset();
  open.outcome.worker = std::move(answer);
  table_.weigh(open);
  open.unsent = open.handed_back = false;
  if (taken) open.outcome.called_back = ports_.clock.wall_now();
  settle(open, std::move(taken));
}

void Dispatcher::fail(OpenJob& open, Error error) {
  if (!open.outcome.agent.ok) open.outcome.agent.error = error;
  open.outcome.error = std::move(error);
  settle(open);
}

void Dispatcher::settle(OpenJob& open, Taken taken) {
  open.state = JobState::settled;
  open.deadline.cancel();
  open.outcome.running = false;
  open.outcome.ended = ports_.clock.wall_now();
  open.outcome.running = wants_processor(open);
  log::debug("job {} settled: {}", open.job->log_id,
             open.outcome.error ? std::string_view(open.outcome.error->detail) : "the worker answered");
  if (open.job->synchronous()) return conclude(open);
  finished_.add(open.job, open.outcome);
  open.keeping = true;
  record(open, [this, id = open.job->log_id, taken = std::move(taken)](const Result<void>& kept) {
    on_settlement_kept(id, kept.has_value(), taken);
  });
}

void Dispatcher::on_settlement_kept(LogId id, bool kept, const Taken& taken) {
  OpenJob* open = table_.find(id);
  if (!open) return;
  open->keeping = false;
  if (taken) taken(kept);
  for (const Taken& again : std::exchange(open->brought_again, {})) again(kept);
  if (!kept && taken) {
    // The agent keeps the result and brings it again; the deadline stays what it was.
    open->outcome.worker.reset();
    table_.weigh(*open);
    finished_.add(open->job, open->outcome);
    return open->adopted ? table_.erase(id) : await_result(*open);
  }
  if (kept && ports_.journal.durable() && !open->never_sent()) acknowledge(*open);
  open->outcome.running = false;
  send_acceptance(*open);  // why there is none
  conclude(*open);
}

void Dispatcher::publish(OpenJob& open) {
  const LogId id = open.job->log_id;
  ports_.metrics.count(open.outcome.succeeded() ? Event::job_succeeded : Event::job_failed);
  ports_.audit.ended(open.job, open.outcome);
  if (open.on_end) open.on_end(open.job, open.outcome);
  const bool synchronous = open.job->synchronous();
  if (synchronous ? !open.job->reply.has_value() : !open.job->announce) return finish(id);
  if (!synchronous) return send_terminal(open);
  ports_.publisher.publish(Answer{Answer::Kind::reply, open.job, open.outcome}, [this, id] { finish(id); });
}

void Dispatcher::send_terminal(OpenJob& open) {
  const LogId id = open.job->log_id;
  Answer answer{Answer::Kind::terminal, open.job, open.outcome};
  answer.returned = [this, id] { on_returned(id); };
  if (open.never_sent() && open.delivery) answer.unsure = [this, id] { hand_back(id); };
  ports_.publisher.publish(std::move(answer), [this, id] { finish(id); });
}

// The component may come later: its results wait for it, in the journal as settled.
void Dispatcher::on_returned(LogId id) {
  OpenJob* open = table_.find(id);
  if (!open) return;
  if (ports_.journal.durable()) acknowledge(*open);
  if (!std::exchange(open->unheard, true) && unheard_++ == 0) {
    log::warn("nobody listens for results of type {}: they are kept, and sent again for {} s",
              wire_name(open->job->type), limits_.keep_unheard.count());
  }
  const auto age = std::chrono::duration_cast<Millis>(ports_.clock.wall_now() - open->outcome.ended);
  const bool last = age >= limits_.keep_unheard || unheard_ > limits_.max_unheard;
  if (last) {
    Answer answer{Answer::Kind::terminal, open->job, open->outcome};
    return ports_.publisher.publish(std::move(answer), [this, id] { finish(id); });
  }
  ports_.timers.set(open->deadline, Deadline::after(ports_.clock, std::clamp(age, kSoonest, kLatest)),
                    [this, id] { send_terminal(*table_.find(id)); });
}

void Dispatcher::finish(LogId id) {
  OpenJob* open = table_.find(id);
  if (!open) return;
  open->state = JobState::published;
  ports_.journal.write(record_of(*open, std::move(open->outcome)), {});
  close(id);
}

void Dispatcher::close(LogId id) {
  OpenJob* open = table_.find(id);
  acknowledge(*open);
  if (open->unheard && --unheard_ == 0) log::info("no result waits for a listener any more");
  // Its request may not have been acknowledged by the process before this one, and is still to come.
  if (open->recovered && !open->acknowledged) acks_.doubt(open->job->fingerprint, ports_.clock.now());
  const auto after_end = std::move(open->after_end);
  table_.erase(id);
  for (const auto& next : after_end) next();
}

OpenCounts Dispatcher::counts() const {
  OpenCounts counts;
  counts.bytes = table_.bytes();
  counts.unheard = unheard_;
  counts.unconfirmed = unconfirmed_answers_;
  table_.for_each([&](const OpenJob& open) {
    if (open.state == JobState::received) ++counts.received;
    if (open.state == JobState::accepted) ++counts.accepted;
    if (open.state == JobState::settled) ++counts.settled;
  });
  return counts;
}

}  // namespace elves
