// Executions that another scheduler may wait for too: docs/adr/0009.
#include <utility>

#include "base/log.h"
#include "dispatch/dispatcher.h"

namespace elves {

void Dispatcher::deliveries_lost() {
  lost_epoch_ = newest_epoch_;
  acks_.connection_lost(ports_.clock.now());
  for (const LogId id : table_.ids()) table_.find(id)->shared = true;
}

// Whether the broker may have delivered the request again, to another scheduler.
bool Dispatcher::may_be_elsewhere(const OpenJob& open) const {
  if (!open.delivery) return false;
  return open.delivery->epoch <= lost_epoch_ || open.received_at + limits_.fresh < ports_.clock.now();
}

// Its result may be with another scheduler, which has told. The job API tells at once: it can without a
// broker.
void Dispatcher::out_of_time(OpenJob& open) {
  if (!open.job->announce) return time_out(open);
  overdue_.push_back(open.job->log_id);
  if (overdue_.size() == 1) ports_.notices.read_notices([this] { end_overdue(); });
}

void Dispatcher::end_overdue() {
  for (const LogId id : std::exchange(overdue_, {})) {
    OpenJob* open = table_.find(id);
    if (open && open->state == JobState::accepted) time_out(*open);
    if (!open || !std::exchange(open->handed_back, false)) continue;
    tell_peers(*open);
    send_terminal(*open);
  }
}

void Dispatcher::time_out(OpenJob& open) {
  fail(open, open.doubt ? *open.doubt : Error{ErrorCode::job_timeout, "no result from the agent"});
}

// The broker may not have got the message that tells that the job was never sent. If it gives the request to
// another scheduler, that one tells how it ends, and may have by now; if to this one, or to nobody in the
// job's time, this one.
void Dispatcher::hand_back(LogId id) {
  OpenJob* open = table_.find(id);
  if (!open || open->state != JobState::settled) return;
  if (!open->delivery || open->delivery->epoch > lost_epoch_) return send_terminal(*open);
  if (finished_.has_result(id)) return end_reported(*open);
  log::debug("job {} was not sent, and its request is the broker's again", id);
  open->handed_back = true;
  arm_deadline(*open);
  for (const auto& brought : std::exchange(open->after_end, {})) brought();
}

// An adopted job without a fingerprint has a log id of this scheduler's making: no other one knows it.
void Dispatcher::tell_peers(const OpenJob& open) {
  const Job& job = *open.job;
  if (!open.shared && !job.may_be_repeat) return;
  const bool named = job.fingerprint != 0 || !job.announce;
  Notice notice;
  notice.result = {.id = job.wire_id().text(),
                   .exec_id = std::string(named ? std::string_view(job.log_id.text()) : ""),
                   .ip = job.agent_ip,
                   .type = wire_name(job.type),
                   .mode = job.mode,
                   .app = job.app,
                   .func = job.func,
                   .param = "",
                   .proxy = "",
                   .timeout = static_cast<std::int32_t>(job.timeout.count()),
                   .request = job.request(),
                   .may_be_repeat = job.may_be_repeat,
                   .reported = false,
                   .answer = open.outcome.worker.value_or(WorkerAnswer{})};
  if (!open.outcome.worker) notice.error = open.outcome.error;
  answer_now(std::move(notice), {});
}

void Dispatcher::settled_elsewhere(const Notice& notice, DeliveryRef delivery) {
  if (OpenJob* open = table_.find_awaiting(notice.result)) return end_elsewhere(*open, notice, delivery);
  if (!notice.error) remember_elsewhere(notice);
  ports_.acker.acknowledge(delivery);
}

void Dispatcher::end_elsewhere(OpenJob& open, const Notice& notice, DeliveryRef delivery) {
  ports_.metrics.count(Event::settled_elsewhere);
  log::debug("job {} settled by another scheduler", open.job->log_id);
  open.outcome.agent.ok = open.outcome.agent.ok || !notice.error;
  if (!notice.error) open.outcome.worker = notice.result.answer;
  open.outcome.error = notice.error;
  open.outcome.called_back = ports_.clock.wall_now();
  end_quietly(open, [this, delivery](bool kept) {
    if (kept) ports_.acker.acknowledge(delivery);
  });
}

// What the agent took before and a scheduler knows the end of: that scheduler tells the initiator.
void Dispatcher::end_reported(OpenJob& open) {
  ports_.metrics.count(Event::settled_elsewhere);
  log::debug("job {} ran before, and its result was reported", open.job->log_id);
  open.outcome.agent.ok = true;
  open.outcome.error = Error{ErrorCode::outcome_unknown, "it ran before, and its result was reported then"};
  end_quietly(open, {});
}

// The job is over, and its initiator hears of it from another scheduler.
void Dispatcher::end_quietly(OpenJob& open, Taken kept) {
  const LogId id = open.job->log_id;
  open.state = JobState::published;
  open.handed_back = false;
  open.deadline.cancel();
  send_acceptance(open);
  open.outcome.running = false;
  open.outcome.ended = ports_.clock.wall_now();
  finished_.add(open.job, open.outcome);
  ports_.audit.ended(open.job, open.outcome);
  if (open.on_end) open.on_end(open.job, open.outcome);
  record(open, [this, id, kept = std::move(kept)](const Result<void>& written) {
    OpenJob* over = table_.find(id);
    if (!over) return;
    if (kept) kept(written.has_value());
    if (written) return close(id);
    finish(id);  // now it is written as soon as it can be
  });
}

void Dispatcher::remember_elsewhere(const Notice& notice) {
  auto match = finished_.match(notice.result);
  if (match.verdict == FinishedJobs::Verdict::duplicate) return;
  if (match.verdict == FinishedJobs::Verdict::unknown) {
    auto rebuilt = ports_.rebuild(notice.result);
    if (!rebuilt) return;
    const auto named = LogId::parse(notice.result.exec_id);
    rebuilt->log_id = named && !table_.find(*named) ? *named : log_ids_.next();
    match.job = std::make_shared<const Job>(std::move(*rebuilt));
  }
  match.outcome.worker = notice.result.answer;
  finished_.add(match.job, match.outcome);
}

}  // namespace elves
