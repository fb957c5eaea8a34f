// The heart: what happens to a job between the message that asks for it and the message that ends it.
//
// The main path: submit() -> agent call -> settle() -> publish -> acknowledge -> erase. An asynchronous job's
// result comes in by the second door, deliver(). The promises kept here:
//  - A synchronous job is called at most once; its delivery is acknowledged when its reply is confirmed. A
//    redelivered request joins the job that is still open here, else its caller is told outcome_unknown at
//    once.
//  - An asynchronous job ends in exactly one terminal message: its result, why it could not be started, or
//  job_timeout
//    at timeout + grace. Its delivery is acknowledged once the journal knows that the agent has it. A result
//    after job_timeout is delivered too, once.
//  - A second attempt is made only where DispatchLimits::retry asks for it, only of an asynchronous job, only
//    when nothing was sent, and never after its deadline.
//  - An agent hears that a result is taken only after the journal has it.
//  - The app's processor is called for a result that is durable, before the message that ends the job.
//    Once that call may have been made it is not made again, not even by a later process. How the
//    journal knows: docs/adr/0013.
//  - No agent outside DispatchLimits::allow is called, and a result is taken only from the address that
//    its job was sent to, or from a forwarder: belonging.cc.
//  - An execution that another scheduler may wait for ends there as well: docs/adr/0009.
//  - Nothing waits forever: every job has a deadline, and max_open bounds them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/rarely.h"
#include "base/timers.h"
#include "dispatch/finished_jobs.h"
#include "dispatch/job_table.h"
#include "dispatch/log_ids.h"
#include "dispatch/ports.h"
#include "dispatch/recent_acks.h"
#include "dispatch/retry.h"

namespace elves {

struct DispatchLimits {
  std::size_t max_open = 200000;
  std::size_t max_open_bytes = std::size_t{2} << 30;  // params and results of these
  std::size_t remember = 100000;  // finished asynchronous executions, to tell late and second results
  std::size_t remember_bytes = std::size_t{256} << 20;  // params of those that ended without a result
  Millis grace{5000};                                   // of asynchronous jobs
  Millis sync_grace{3000};                              // of synchronous ones
  Millis fresh{10000};              // a delivery older than this may be with another scheduler by now
  Seconds max_hold{1200};           // no delivery stays unacknowledged for longer
  Seconds keep_unheard{24 * 3600};  // a result that nobody listens for is published again for so long
  std::size_t max_unheard = 10000;  // and so many of them; beyond, and after it: a dead letter
  RetryLimits retry;
  Networks allow;              // whom to call; empty = anybody
  Networks forwarders;         // who may bring results of other addresses' jobs
  bool accept_unknown = true;  // results of jobs that this process knows nothing of are forwarded
};

// How many jobs are open, by state.
struct OpenCounts {
  std::size_t received = 0;
  std::size_t accepted = 0;
  std::size_t settled = 0;
  std::size_t bytes = 0;        // params and results of all of them
  std::size_t unheard = 0;      // of the settled: nobody listens for them
  std::size_t unconfirmed = 0;  // messages that belong to no open job, not yet confirmed by the broker
};

// Loop thread only.
class Dispatcher {
 public:
  struct Ports {
    AgentClient& agents;
    ProcessorClient& processors;
    Journal& journal;
    Publisher& publisher;
    DeliveryAcker& acker;
    NoticeReader& notices;
    AuditTrail& audit;
    MetricsSink& metrics;
    const Clock& clock;
    Timers& timers;
    // Makes the job that an unknown result belongs to, from what the agent echoed.
    std::function<Result<Job>(const AgentResult&)> rebuild;
  };
  // Called once when the job has ended, with what its answer says.
  using OnEnd = std::function<void(const JobPtr&, const Outcome&)>;
  using Taken = std::function<void(bool)>;

  Dispatcher(Ports ports, DispatchLimits limits);

  // Takes over what a process before this one left in the journal; before the first submission and the first
  // result. Accepted jobs get their deadlines back (those overdue end at the timers' next turn), settled ones
  // are published, finished ones are remembered, to tell second results. What was only received is closed:
  // its request is still the broker's, which delivers it again, and it keeps its log id if it comes back
  // here. Unless it was acknowledged: then it is started again, or ends if its time is over.
  void recover(std::vector<JobRecord> records);

  // Takes a request. Answers its log id, or the error that it was rejected with (then on_end is not called).
  Result<LogId> submit(Submission&& submission, OnEnd on_end = {});

  // Takes a result that `result.peer` brought. `taken(true)` once it is durable, or when it needs no keeping
  // (a second one); `taken(false)` when it could not be kept: the agent should bring it again; and when
  // whoever brought it is not its agent.
  void deliver(AgentResult result, Taken taken);

  // The broker's consumer lost its connection: unacknowledged requests will be delivered again, here or to
  // another scheduler.
  void deliveries_lost();
  // Another scheduler settled an execution. If it is open here it ends, without a message of its own. The
  // notice is acknowledged once the journal knows.
  void settled_elsewhere(const Notice& notice, DeliveryRef delivery);

  // From now on every submission is rejected as overloaded; asynchronous ones from the broker are left to it,
  // not acknowledged. `done` runs when no job needs this process any more.
  void drain(std::function<void()> done);
  // The drain's time is over: every job still open that would be lost with this process ends in
  // outcome_unknown, and submissions are rejected. Of those that only wait for their processor the journal's
  // are left to the next process, the others end with what their worker said.
  void give_up();

  // A job whose agent is not allowed any more is not called again; what its agent has, it may still report.
  void set_limits(DispatchLimits limits) { limits_ = std::move(limits); }
  std::size_t open() const { return table_.size(); }
  OpenCounts counts() const;
  // Every open job as the journal should have it.
  std::vector<JobRecord> open_records() const;
  // Of a synchronous job that has just begun the journal is not told yet. Now it is: before somebody asks it.
  void record_all();

 private:
  // Requests (dispatcher.cc)
  Result<LogId> reject(Submission& submission, Error error);
  bool join_open(Submission& submission);
  bool refuse_redelivered(Submission& submission);
  void answer_now(Publication what, std::function<void()> confirmed = {});
  void answer_request(Publication what, const Submission& request);
  void run(OpenJob& open);
  void start(LogId id);
  bool may_be_elsewhere(const OpenJob& open) const;
  void on_started(LogId id, const AgentReply& reply);
  void await_result(OpenJob& open);
  void send_acceptance(OpenJob& open);
  void arm_deadline(OpenJob& open);

  // Who belongs (belonging.cc)
  bool may_call(const std::string& ip) const;
  bool brought_by(const AgentResult& result, const std::string& ip) const;
  void note_other_address(const AgentResult& result);
  bool refuse_stranger(const AgentResult& result, const std::string& expected, const Taken& taken);
  bool refuse_unknown(const AgentResult& result, const std::string& owner, const Taken& taken);

  // Deliveries (deliveries.cc)
  void acknowledge(OpenJob& open);
  void acknowledge(DeliveryRef delivery, std::uint64_t fingerprint);
  void watch_held();
  void release_held();
  void release(OpenJob& open);

  // Other schedulers (peers.cc)
  void end_elsewhere(OpenJob& open, const Notice& notice, DeliveryRef delivery);
  void remember_elsewhere(const Notice& notice);
  void end_reported(OpenJob& open);
  void end_quietly(OpenJob& open, Taken kept);
  void tell_peers(const OpenJob& open);
  void out_of_time(OpenJob& open);
  void hand_back(LogId id);
  void end_overdue();
  void time_out(OpenJob& open);

  // Second attempts (attempts.cc)
  bool try_later(OpenJob& open, Error& error);
  void wait_for_retry(OpenJob& open, Deadline next, const Error& error);
  void try_again(LogId id);
  void on_not_kept(OpenJob& open, const Error& error);
  void on_not_sent(OpenJob& open, Error error);

  // What was left behind (recovery.cc)
  OpenJob& reopen(JobRecord record);
  void recover_received(JobRecord record);
  void recover_synchronous(JobRecord record);
  void recover_accepted(JobRecord record);
  void recover_settled(JobRecord record);
  void close_interrupted(JobRecord record);
  void remember_interrupted(const JobRecord& record);
  bool was_interrupted(const Job& request) const;
  JobPtr take_interrupted(const std::string& wire_id, const std::function<bool(const Job&)>& wanted);

  // Results (settlement.cc)
  void deliver_unmatched(AgentResult result, Taken taken);
  void adopt_unknown(AgentResult result, Taken taken);
  void adopt_interrupted(const JobPtr& job, AgentResult result, Taken taken);
  void adopt(JobPtr job, Outcome outcome, Taken taken, bool shared);
  void take_result(OpenJob& open, WorkerAnswer answer, Taken taken);
  void fail(OpenJob& open, Error error);
  void settle(OpenJob& open, Taken taken = {});
  void on_settlement_kept(LogId id, bool kept, const Taken& taken);
  void publish(OpenJob& open);
  void send_terminal(OpenJob& open);
  void on_returned(LogId id);
  void finish(LogId id);
  void close(LogId id);
  bool needs_this_process(const OpenJob& open) const;
  const char* full() const;
  void check_drained();
  Deadline deadline_of(const OpenJob& open) const;

  // The journal (records.cc)
  static JobRecord record_of(const OpenJob& open, Outcome outcome);
  void record(const OpenJob& open, Journal::Kept kept = {});
  void record_if_long(const OpenJob& open);
  void check_unrecorded();
  void record_begun_by(SteadyTime time);

  // The app's processor (processors.cc)
  void conclude(OpenJob& open);
  bool wants_processor(const OpenJob& open) const;
  void ask_processor(OpenJob& open);
  void on_leaving(LogId id, const ProcessorClient::MayLeave& word);
  void on_processed(LogId id, Stage stage);
  void stop_asking(OpenJob& open);

  // A synchronous job that the journal was not told of.
  struct Unrecorded {
    LogId id;
    SteadyTime begun;
  };
  // A delivery that no job stands for: of a rejected request, until its answer is confirmed.
  struct Unanswered {
    SteadyTime received_at;
    std::uint64_t fingerprint;
  };

  Ports ports_;
  DispatchLimits limits_;
  JobTable table_;
  FinishedJobs finished_;
  RecentAcks acks_;
  std::uint32_t newest_epoch_ = 0;  // of the deliveries that came
  std::uint32_t lost_epoch_ = 0;    // deliveries up to this one can no longer be acknowledged
  LogIds log_ids_;
  Retry retry_;
  std::unordered_multimap<std::string, JobPtr> interrupted_;  // by Instruct.id; their process ended
  std::size_t unheard_ = 0;                                   // open jobs with that flag
  std::map<DeliveryRef, Unanswered> unanswered_;
  Timer held_check_;
  std::vector<LogId> overdue_;           // their time is over, unless another scheduler has their result
  std::size_t unconfirmed_answers_ = 0;  // messages that belong to no open job
  Rarely refusals_;                      // to take a result
  Rarely nameless_;                      // results that name no job
  std::deque<Unrecorded> unrecorded_;    // oldest first; of some the job is over
  Timer record_check_;
  bool draining_ = false;
  std::function<void()> drained_;
  Timer drain_check_;
};

}  // namespace elves
