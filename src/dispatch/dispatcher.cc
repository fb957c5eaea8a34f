#include "dispatch/dispatcher.h"

#include <utility>

#include "base/log.h"

namespace elves {
namespace {

Error outside() { return {ErrorCode::illegal_ip, "outside agent.allow"}; }

}  // namespace

Dispatcher::Dispatcher(Ports ports, DispatchLimits limits)
    : ports_(std::move(ports)),
      limits_(std::move(limits)),
      finished_(limits_.remember, limits_.remember_bytes) {}

Result<LogId> Dispatcher::submit(Submission&& submission, OnEnd on_end) {
  submission.job.log_id = log_ids_.next();
  ports_.metrics.count(Event::job_received);
  if (submission.delivery) newest_epoch_ = submission.delivery->epoch;
  if (submission.rejected) {
    // One that was delivered too often may be a job that goes on here.
    if (submission.redelivered && !submission.answerable && join_open(submission))
      return submission.job.log_id;
    Error error = *submission.rejected;
    return reject(submission, std::move(error));
  }
  if (submission.delivery && join_open(submission)) return submission.job.log_id;
  if (submission.redelivered) {
    const auto before = take_interrupted(submission.job.wire_id().text(), [&](const Job& job) {
      return job.fingerprint == submission.job.fingerprint;
    });
    if (before) {
      submission.job.log_id = before->log_id;
    } else if (refuse_redelivered(submission)) {
      return submission.job.log_id;
    }
  }
  if (draining_ && submission.delivery && !submission.job.synchronous()) {
    return Error{ErrorCode::overloaded,
                 "left to the broker"};  // unacknowledged: delivered again, elsewhere or later
  }
  if (draining_) return reject(submission, {ErrorCode::overloaded, "the scheduler is shutting down"});
  submission.job.may_be_repeat = submission.redelivered;
  if (!submission.redelivered && !may_call(submission.job.agent_ip)) {
    ports_.metrics.count(Event::job_outside);
    return reject(submission, outside());
  }
  if (const char* why = full()) {
    ports_.metrics.count(Event::job_over_open);
    return reject(submission, {ErrorCode::overloaded, why});
  }
  if (!submission.job.synchronous() && submission.job.id.empty())
    submission.job.id = submission.job.log_id.text();
  auto job = std::make_shared<const Job>(std::move(submission.job));
  const LogId id = job->log_id;
  OpenJob& open = table_.add(std::move(job), submission.delivery);
  open.received_at = ports_.clock.now();
  open.outcome.started = ports_.clock.wall_now();
  open.on_recorded = std::move(submission.on_recorded);
  open.on_end = std::move(on_end);
  if (open.delivery) watch_held();
  open.acceptance_owed = !open.job->synchronous() && open.job->reply.has_value();
  log::debug("job {} received: {} {}.{} on {} for {}", id, wire_name(open.job->type), open.job->app,
             open.job->func, open.job->agent_ip, open.job->from);
  ports_.audit.asked(open.job);
  run(open);
  return id;
}

Result<LogId> Dispatcher::reject(Submission& submission, Error error) {
  ports_.metrics.count(Event::job_rejected);
  if (error.code == ErrorCode::message_malformed) ports_.metrics.count(Event::job_malformed);
  log::debug("job {} rejected for {}: {}", submission.job.log_id, submission.job.from, error.detail);
  Outcome outcome;
  outcome.rejected = true;
  outcome.error = error;
  outcome.started = outcome.ended = ports_.clock.wall_now();
  const auto job = std::make_shared<const Job>(submission.job);
  ports_.audit.ended(job, outcome);
  const bool told = submission.answerable &&
                    (submission.job.reply || (!submission.job.synchronous() && submission.job.announce));
  if (told) {
    auto kind = Answer::Kind::reply;
    if (!submission.job.synchronous()) {
      kind = submission.job.reply ? Answer::Kind::acceptance : Answer::Kind::terminal;
    }
    answer_request(Answer{kind, job, std::move(outcome)}, submission);
  } else if (submission.delivery) {
    ports_.metrics.count(Event::dead_letter);
    DeadLetter letter{std::move(submission.body), std::move(submission.routing_key), error};
    answer_request(std::move(letter), submission);
  }
  return error;
}

// Whether the submission is the same job as one that is open here; then it needs no run of its own.
bool Dispatcher::join_open(Submission& submission) {
  const DeliveryRef delivery = *submission.delivery;
  // A cron's firings are alike: the one that was only received is the one that the broker still has.
  const bool again = submission.redelivered && !was_interrupted(submission.job);
  OpenJob* same = again ? table_.find_redelivered(submission.job.fingerprint, delivery) : nullptr;
  if (!same && submission.job.type == JobType::queue)
    same = table_.find_queue_task(submission.job.wire_id().text());
  if (!same) return false;
  ports_.metrics.count(Event::redelivery_joined);
  submission.job.log_id = same->job->log_id;
  if (same->handed_back || (same->delivery && same->delivery->epoch != delivery.epoch)) {
    same->delivery = delivery;
  } else {
    acknowledge(delivery, submission.job.fingerprint);
  }
  if (std::exchange(same->handed_back, false)) {
    same->deadline.cancel();
    send_terminal(*same);
  }
  if (std::exchange(same->recovered, false) && same->state == JobState::accepted) {
    // The process before this one may have ended between the journal's word and the acceptance.
    same->acceptance_owed = same->job->reply.has_value();
    send_acceptance(*same);
  }
  return true;
}

// Whether a redelivered request must not be run: it is over, or nobody knows whether it ran.
bool Dispatcher::refuse_redelivered(Submission& submission) {
  const DeliveryRef delivery = *submission.delivery;
  const bool known_task =
      submission.job.type == JobType::queue && finished_.knows_queue_task(submission.job.wire_id().text());
  if (acks_.take(submission.job.fingerprint, ports_.clock.now()) || known_task) {
    ports_.metrics.count(Event::redelivery_joined);
    acknowledge(delivery, submission.job.fingerprint);
    return true;
  }
  if (!submission.job.synchronous()) return false;
  ports_.metrics.count(Event::redelivery_refused);
  log::debug("job {} was delivered before: {}.{} on {} for {}", submission.job.log_id, submission.job.app,
             submission.job.func, submission.job.agent_ip, submission.job.from);
  Outcome outcome;
  outcome.error = Error{ErrorCode::outcome_unknown, "the request was delivered before and may have run"};
  outcome.agent.error = outcome.error;
  outcome.started = outcome.ended = ports_.clock.wall_now();
  auto job = std::make_shared<const Job>(submission.job);
  ports_.audit.ended(job, outcome);
  if (submission.job.reply) {
    answer_request(Answer{Answer::Kind::reply, std::move(job), std::move(outcome)}, submission);
  } else {
    acknowledge(delivery, submission.job.fingerprint);
  }
  return true;
}

void Dispatcher::run(OpenJob& open) {
  const LogId id = open.job->log_id;
  if (!may_call(open.job->agent_ip)) {
    ports_.metrics.count(Event::job_outside);
    return on_not_sent(open, outside());
  }
  open.unsent = open.resting = false;
  open.outcome.agent.error.reset();
  ++open.outcome.attempts;
  if (!open.job->synchronous()) {
    record(open, [this, id, heard = std::exchange(open.on_recorded, nullptr)](const Result<void>& kept) {
      if (heard) heard(kept ? Result<LogId>(id) : Result<LogId>(kept.error()));
      if (kept) return start(id);
      if (OpenJob* refused = table_.find(id)) on_not_kept(*refused, kept.error());
    });
    return;
  }
  record_if_long(open);
  ports_.agents.run(open.job, deadline_of(open), [this, id](AgentReply reply) {
    OpenJob* job = table_.find(id);
    if (!job || job->state == JobState::settled) return;
    job->outcome.agent.cost = reply.cost;
    if (!reply.answer) return fail(*job, reply.answer.error());
    take_result(*job, std::move(*reply.answer), {});
  });
}

void Dispatcher::start(LogId id) {
  OpenJob* open = table_.find(id);
  if (!open || open->state != JobState::received) return;
  if (may_be_elsewhere(*open)) {
    Job repeat = *open->job;
    repeat.may_be_repeat = true;
    open->job = std::make_shared<const Job>(std::move(repeat));
  }
  ports_.agents.start(open->job, deadline_of(*open),
                      [this, id](const AgentReply& reply) { on_started(id, reply); });
}

void Dispatcher::on_started(LogId id, const AgentReply& reply) {
  OpenJob* open = table_.find(id);
  if (!open || open->state != JobState::received) return;
  open->outcome.agent.cost = reply.cost;
  if (reply.reported) return end_reported(*open);
  if (reply.answer && reply.answer->flag != 1) return take_result(*open, *reply.answer, {});
  open->outcome.agent.ok = reply.answer.has_value();
  if (!reply.answer) {
    Error error = reply.answer.error();
    if (!reply.sent) {
      if (error.code == ErrorCode::send_failed && try_later(*open, error)) return;
      return on_not_sent(*open, std::move(error));
    }
    open->doubt = open->outcome.agent.error = std::move(error);
  }
  await_result(*open);
}

// The agent has the job, or may have it: its result is to come.
void Dispatcher::await_result(OpenJob& open) {
  const LogId id = open.job->log_id;
  open.state = JobState::accepted;
  open.outcome.running = true;
  log::debug("job {} {}", id, open.doubt ? "sent, not confirmed by the agent" : "accepted by the agent");
  arm_deadline(open);
  record(open, [this, id](const Result<void>& kept) {
    OpenJob* job = table_.find(id);
    if (!job || !kept) return;
    acknowledge(*job);
    if (job->state == JobState::accepted) send_acceptance(*job);
  });
}

void Dispatcher::arm_deadline(OpenJob& open) {
  ports_.timers.set(open.deadline, deadline_of(open),
                    [this, id = open.job->log_id] { out_of_time(*table_.find(id)); });
}

void Dispatcher::send_acceptance(OpenJob& open) {
  if (!std::exchange(open.acceptance_owed, false)) return;
  answer_now(Answer{Answer::Kind::acceptance, open.job, open.outcome}, {});
}

Deadline Dispatcher::deadline_of(const OpenJob& open) const {
  const Millis grace = open.job->synchronous() ? limits_.sync_grace : limits_.grace;
  return Deadline(open.received_at + open.job->timeout + grace);
}

// Why there is no place for another job; nullptr when there is.
const char* Dispatcher::full() const {
  if (table_.size() + unconfirmed_answers_ >= limits_.max_open) return "job.maxOpen jobs are open";
  if (table_.bytes() >= limits_.max_open_bytes)
    return "open jobs hold job.maxOpenBytes of params and results";
  return nullptr;
}

void Dispatcher::drain(std::function<void()> done) {
  draining_ = true;
  drained_ = std::move(done);
  check_drained();
}

void Dispatcher::give_up() {
  draining_ = true;
  for (const LogId id : table_.ids()) {
    OpenJob* open = table_.find(id);
    if (!open || !needs_this_process(*open)) continue;
    if (open->state == JobState::settled) {
      stop_asking(*open);
      continue;
    }
    fail(*open, {open->never_sent() ? ErrorCode::send_failed : ErrorCode::outcome_unknown,
                 "the scheduler shut down before the job ended"});
  }
}

bool Dispatcher::needs_this_process(const OpenJob& open) const {
  const bool waits = open.state == JobState::accepted || open.resting || open.unheard || open.handed_back;
  return open.job->synchronous() || !waits || !ports_.journal.durable();
}

// Looked at from time to time: at every job's end it would cost a look at all of them each.
void Dispatcher::check_drained() {
  const bool busy = unconfirmed_answers_ > 0 ||
                    table_.any_of([this](const OpenJob& open) { return needs_this_process(open); });
  if (!busy) return std::exchange(drained_, nullptr)();
  ports_.timers.set(drain_check_, Deadline::after(ports_.clock, Millis(20)), [this] { check_drained(); });
}

}  // namespace elves
