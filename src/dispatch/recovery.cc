// What a process before this one left in the journal.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {

void Dispatcher::recover(std::vector<JobRecord> records) {
  std::size_t started = 0;
  std::size_t waiting = 0;
  std::size_t unpublished = 0;
  WallTime last{};
  for (const JobRecord& record : records) last = std::max(last, record.outcome.ended);
  for (JobRecord& record : records) {
    if (record.state == JobState::published && record.outcome.ended == WallTime{}) {
      remember_interrupted(record);
    } else if (record.state == JobState::published) {
      // The last ones' acknowledgements may have been lost with the process.
      if (record.outcome.ended + RecentAcks::kSure >= last)
        acks_.add(record.job->fingerprint, ports_.clock.now());
      if (!record.job->synchronous()) finished_.add(record.job, record.outcome);
    } else if (record.acknowledged && record.job->synchronous()) {
      ++unpublished;
      recover_synchronous(std::move(record));
    } else if (record.acknowledged && record.state == JobState::received) {
      ++started;
      recover_received(std::move(record));
    } else if (record.state == JobState::received || record.job->synchronous()) {
      close_interrupted(std::move(record));
    } else if (record.state == JobState::accepted) {
      ++waiting;
      recover_accepted(std::move(record));
    } else {
      ++unpublished;
      recover_settled(std::move(record));
    }
  }
  acks_.connection_lost(ports_.clock.now());
  if (started + waiting + unpublished > 0) {
    log::info(
        "taken over from the journal: {} jobs are started again, {} wait for their result, {} results are to "
        "be published",
        started, waiting, unpublished);
  }
}

OpenJob& Dispatcher::reopen(JobRecord record) {
  OpenJob& open = table_.add(std::move(record.job), std::nullopt);
  open.state = record.state;
  open.recovered = open.shared = true;
  open.outcome = std::move(record.outcome);
  table_.weigh(open);
  open.acknowledged = record.acknowledged;
  open.unsent = record.unsent;
  // A clock that was ahead gives it no more time than it had.
  const auto age = std::max(WallTime::duration::zero(), ports_.clock.wall_now() - open.outcome.started);
  open.received_at = ports_.clock.now() - std::chrono::duration_cast<SteadyTime::duration>(age);
  return open;
}

// Its agent may have been called just before the process ended, unless the record says otherwise.
void Dispatcher::recover_received(JobRecord record) {
  if (!record.unsent) {
    Job job = *record.job;
    job.may_be_repeat = true;
    record.job = std::make_shared<const Job>(std::move(job));
  }
  OpenJob& open = reopen(std::move(record));
  open.acceptance_owed = open.job->reply.has_value();
  if (!deadline_of(open).passed(ports_.clock.now())) return run(open);
  const auto code = open.never_sent() ? ErrorCode::send_failed : ErrorCode::outcome_unknown;
  fail(open, {code, "the scheduler ended before the agent had accepted the job"});
}

// Its request was acknowledged before its reply was there: nobody else tells the caller.
void Dispatcher::recover_synchronous(JobRecord record) {
  acks_.add(record.job->fingerprint, ports_.clock.now());  // or the process ended just before it was
  if (record.state == JobState::settled) return recover_settled(std::move(record));
  fail(reopen(std::move(record)), {ErrorCode::outcome_unknown, "the scheduler ended before the job did"});
}

void Dispatcher::recover_accepted(JobRecord record) {
  OpenJob& open = reopen(std::move(record));
  if (!open.outcome.agent.ok) open.doubt = open.outcome.agent.error;
  arm_deadline(open);
}

void Dispatcher::recover_settled(JobRecord record) {
  OpenJob& open = reopen(std::move(record));
  // Its request is acknowledged when its message is confirmed, so it is the broker's.
  open.handed_back = open.never_sent() && !open.acknowledged && open.job->fingerprint != 0;
  if (open.handed_back) return arm_deadline(open);
  if (!open.job->synchronous()) finished_.add(open.job, open.outcome);
  if (wants_processor(open) && open.outcome.processor.asked) {
    // In the same words and at the same time after every restart: it is one message.
    open.outcome.running = false;
    open.outcome.processor.error =
        Error{ErrorCode::processor_failed,
              "it may have been called: the scheduler ended before its answer was kept"};
    open.outcome.error = open.outcome.processor.error;
    ports_.metrics.count(Event::processor_failed);
  }
  conclude(open);
}

// Its record stays as one that never ended: the request was not acknowledged, so it is the broker's, not
// over.
void Dispatcher::close_interrupted(JobRecord record) {
  remember_interrupted(record);
  record.state = JobState::published;
  record.outcome.running = false;
  record.outcome.error = Error{ErrorCode::outcome_unknown, "the scheduler ended before the job did"};
  if (record.job->fingerprint == 0) {
    // No broker has it, so it is over; but the agent of an asynchronous one may bring a result yet.
    record.outcome.ended = ports_.clock.wall_now();
    ports_.audit.ended(record.job, record.outcome);
    if (!record.job->synchronous()) finished_.add(record.job, record.outcome);
  }
  ports_.journal.write(std::move(record), {});
}

void Dispatcher::remember_interrupted(const JobRecord& record) {
  if (record.job->synchronous() || record.job->fingerprint == 0) return;
  const std::string wire_id = record.job->wire_id().text();
  take_interrupted(wire_id, [&](const Job& job) { return job.log_id == record.job->log_id; });
  interrupted_.emplace(wire_id, record.job);
}

bool Dispatcher::was_interrupted(const Job& request) const {
  const auto [first, last] = interrupted_.equal_range(request.wire_id().text());
  return std::any_of(first, last,
                     [&](const auto& entry) { return entry.second->fingerprint == request.fingerprint; });
}

// Forgets it too; nullptr when there is none.
JobPtr Dispatcher::take_interrupted(const std::string& wire_id,
                                    const std::function<bool(const Job&)>& wanted) {
  const auto [first, last] = interrupted_.equal_range(wire_id);
  const auto found = std::find_if(first, last, [&](const auto& entry) { return wanted(*entry.second); });
  return found == last ? nullptr : interrupted_.extract(found).mapped();
}

// Its agent had it before the process ended, and was quicker than the broker, which delivers it again.
void Dispatcher::adopt_interrupted(const JobPtr& job, AgentResult result, Taken taken) {
  const LogId id = job->log_id;
  Outcome outcome;
  outcome.started = ports_.clock.wall_now();
  outcome.worker = std::move(result.answer);
  adopt(job, std::move(outcome), std::move(taken), true);
  table_.find(id)->recovered = true;
}

}  // namespace elves
