// The jobs that are open in this process, and how to find the one that an event is about.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/timers.h"
#include "dispatch/ports.h"

namespace elves {

// One open job: from its submission until its last message is confirmed.
struct OpenJob {
  using ByFingerprint = std::multimap<std::uint64_t, OpenJob*>;
  using ByWireId = std::multimap<std::string, OpenJob*>;

  JobPtr job;
  JobState state = JobState::received;
  std::optional<DeliveryRef> delivery;  // still to be acknowledged
  bool acknowledged = false;            // what JobRecord says of it
  bool unsent = false;                  // likewise
  Timer pause;                          // until its next attempt
  bool resting = false;  // it waits for that, and the journal has it: a later process can go on with it
  SteadyTime received_at{};
  Outcome outcome;
  // Asynchronous: the agent may have the job though it never said so. How it ends if no result comes in time.
  std::optional<Error> doubt;
  bool acceptance_owed = false;  // somebody waits to hear whether the agent took it
  Timer deadline;                // unsettled: of the result; settled: of the next attempt to publish it
  bool recovered = false;        // taken over from a process before this one
  bool adopted = false;          // opened only to settle a late or unknown result
  bool unheard = false;          // settled, and nobody listens where its result should go
  bool shared = false;           // another scheduler may wait for the same execution
  bool keeping = false;          // settled, and the journal has not answered yet
  bool asking = false;           // then: its processor is to answer
  bool handed_back = false;  // settled, unsent, and the request is the broker's again, for whoever gets it
  std::vector<std::function<void(bool)>>
      brought_again;                               // agents that wait for that answer with the same result
  std::function<void(Result<LogId>)> on_recorded;  // Submission's, until the journal is asked
  std::function<void(const JobPtr&, const Outcome&)> on_end;
  std::vector<std::function<void()>> after_end;  // what had to wait for this job's last message

  // The agent cannot have the job, neither from here nor from a scheduler that had it before.
  bool never_sent() const { return unsent && !job->may_be_repeat; }

  std::size_t bytes = 0;                      // the table's own, as of weigh()
  ByFingerprint::iterator fingerprint_entry;  // likewise
  ByWireId::iterator wire_id_entry;           // likewise; asynchronous only
};

// Loop thread only. References stay valid until the job is erased.
class JobTable {
 public:
  OpenJob& add(JobPtr job, std::optional<DeliveryRef> delivery);
  OpenJob* find(LogId id);
  void erase(LogId id);

  // The job whose request the broker delivers again: same fingerprint, and its own delivery was lost with an
  // earlier connection, or process, before it was acknowledged. nullptr when there is none.
  OpenJob* find_redelivered(std::uint64_t fingerprint, DeliveryRef again);

  // The unsettled asynchronous job that a result belongs to: by its log id when the agent echoes it, else the
  // oldest with that Instruct.id (a cron's id repeats on every firing) on that machine. An execution that was
  // sent twice, with a log id each, has one result: it belongs to the job of the same request.
  OpenJob* find_awaiting(const AgentResult& result);

  // The same wherever the result came from: the job that it was probably meant for.
  OpenJob* find_unsettled(const AgentResult& result);

  // The open queue task with this Instruct.id; queue tasks are told by id alone.
  OpenJob* find_queue_task(const std::string& wire_id);

  std::size_t size() const { return jobs_.size(); }
  // Of the params and results of all jobs. weigh() is to be told of a result that came or went.
  std::size_t bytes() const { return bytes_; }
  void weigh(OpenJob& open);
  std::vector<LogId> ids() const;
  void for_each(const std::function<void(const OpenJob&)>& action) const;
  bool any_of(const std::function<bool(const OpenJob&)>& wanted) const;

 private:
  template <class Wanted>
  OpenJob* first_by_wire_id(const std::string& wire_id, Wanted wanted);

  std::unordered_map<LogId, OpenJob> jobs_;
  std::size_t bytes_ = 0;
  OpenJob::ByFingerprint by_fingerprint_;
  OpenJob::ByWireId by_wire_id_;  // asynchronous only; equal ids oldest first
};

}  // namespace elves
