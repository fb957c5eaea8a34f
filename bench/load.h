// The load generator: offers jobs through the broker, takes their answers, accounts for every one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "blocking_connection.h"
#include "phase.h"
#include "requests.h"

namespace elves::bench {

struct LoadOptions {
  broker::BrokerOptions broker;
  RequestShape shape;
  std::vector<PhasePlan> phases;
  std::vector<std::pair<std::string, pid_t>> watched;  // processes whose CPU time is taken
  double patience = 30;                                // seconds without an answer, then jobs are lost
  bool check = true;                                   // the answers are the scheduler's: look for failures
};

// One thread, two connections: one publishes (no confirms), one consumes the answers (automatic
// acknowledgement). Synchronous requests are transient, name an exclusive queue in reply_to and their number
// in correlation_id; asynchronous ones are persistent, and their terminal messages come through the durable
// queue `queue`.
class Load {
 public:
  explicit Load(LoadOptions options);

  // Runs all phases, then waits for the answers still missing. `first_sent` is told when the first job is
  // out.
  void run(const std::function<void()>& first_sent);
  // What came of it, as one JSON object. "lost": never answered; "repeated", "unknown": answers to no open
  // job.
  std::string report() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Sent {
    Time at;  // when it was due
    std::uint32_t phase;
    bool open;
  };

  void open_answers();
  void run_phase(const PhasePlan& plan);
  bool phase_over(const PhasePlan& plan) const;
  void send_due(const PhasePlan& plan);
  void send(Time due);
  void take_answers();
  void take(const amqp_envelope_t& envelope);
  void settle(Sent& job, std::string_view body);
  void note_disturbed(const Sent& job);
  double seconds_in() const;
  void wait(const PhasePlan& plan);
  void drain();
  std::uint64_t in_flight() const { return jobs_.size() - answered_; }

  const LoadOptions options_;
  BlockingConnection publishing_;
  BlockingConnection consuming_;
  std::string reply_to_;
  std::vector<Sent> jobs_;  // by number
  std::vector<PhaseResult> results_;
  std::uint64_t answered_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t answer_bytes_ = 0;
  std::vector<Time> begins_;  // of the phases
  double calm_ns_ = 0;        // twice the first phase's 99.9 %
  Time last_answer_;
  Time first_answer_{};
};

}  // namespace elves::bench
