// Remembers asynchronous executions that were settled, to tell a late result and a second one from a new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "dispatch/ports.h"

namespace elves {

// Loop thread only. Holds the last `capacity` executions, of one Instruct.id the last 64, and of those
// without a result the last `bytes` of params; what is older is unknown again.
class FinishedJobs {
 public:
  enum class Verdict : std::uint8_t {
    unknown,    // nothing is remembered that this could belong to
    late,       // the execution ended without a result; this is it
    duplicate,  // the execution had its result
  };
  struct Match {
    Verdict verdict = Verdict::unknown;
    LogId log_id;          // of the execution, unless unknown
    std::string agent_ip;  // likewise
    JobPtr job;            // late only: the job it belongs to
    Outcome outcome;       // late only: as it ended then
  };

  FinishedJobs(std::size_t capacity, std::size_t bytes) : capacity_(capacity), most_bytes_(bytes) {}

  // `job` is settled; outcome.worker tells whether it has a result. Replaces what is remembered of this
  // execution.
  void add(const JobPtr& job, const Outcome& outcome);

  // Without a log id from the agent, a cron's result is a duplicate only if it equals the one that was taken:
  // a cron's id repeats, and another scheduler may have fired it since.
  Match match(const AgentResult& result) const;

  // Whether a result of this job is known: taken here, or told by another scheduler.
  bool has_result(LogId id) const;

  // Whether a queue task with this Instruct.id is remembered.
  bool knows_queue_task(const std::string& wire_id) const;

 private:
  struct Finished {
    JobPtr job;       // only while a late result may come
    Outcome outcome;  // likewise
    std::string wire_id;
    std::string agent_ip;
    LogId log_id;
    JobType type;
    std::string request;
    bool may_be_repeat;
    bool has_result = false;
    std::size_t digest = 0;
    std::size_t bytes = 0;  // of `job`
  };
  using Order = std::list<Finished>;

  Order::iterator insert(const Job& job);
  void forget(Order::iterator at);
  void forget_beyond_bytes();

  std::size_t capacity_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  Order order_;                // oldest first
  std::deque<LogId> without_;  // those without a result, and some that have one by now; oldest first
  std::unordered_map<LogId, Order::iterator> by_log_id_;
  std::unordered_map<std::string, std::deque<Order::iterator>> by_wire_id_;  // oldest first, never empty
};

}  // namespace elves
