// elves-agent: the AgentService of one machine.
//
// A synchronous instruction is answered when its worker has ended. An asynchronous one is taken or refused;
// what was taken is durable and ends in one result, brought to the scheduler until it has it. The same
// execution sent again is taken without running it again (docs/agent.md, "The same instruction again").
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/door.h"
#include "base/error.h"
#include "base/timers.h"
#include "wire/server.h"
#include "wire/service.h"
#include "worker/config.h"
#include "worker/reporter.h"
#include "worker/result_spool.h"
#include "worker/runner.h"
#include "worker/state.h"

namespace elves::worker {

// Loop thread only.
class Agent final : public wire::AgentService {
 public:
  // Binds and serves at once: throws boost::system::system_error when an address cannot be had. Runs what
  // the state has waiting. The state must outlive it.
  Agent(boost::asio::io_context& loop, const Clock& clock, Timers& timers, AgentConfig config,
        const AgentCredentials& credentials, State& state);

  // Takes nothing any more, lets the workers end within draintimeout, kills those that do not, and brings the
  // results to the scheduler for some seconds more; then the agent has nothing left on the loop, and `left`
  // is called, once. Calling it again gives up the wait for the workers.
  void leave(std::function<void()> left);

  // For callers that come from now on.
  void set_door(DoorLimits limits) { door_.set_limits(std::move(limits)); }

  void invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) override;
  void invoke_async(std::vector<Instruction> instructions,
                    std::function<void(std::vector<Acceptance>)> done) override;

 private:
  void serve(boost::asio::io_context& loop, std::uint16_t port, tls::CredentialsPtr credentials);
  Result<Runner::Ticket> admit(const Instruction& ins);
  Acceptance answer_to(Decision decision, Runner::Ticket ticket);
  void run(Number number, Runner::Ticket ticket);
  void run_waiting(WaitingExecution execution);
  void kill_workers();
  bool has_callers() const;
  void look_whether_done();

  const Clock& clock_;
  Timers& timers_;
  const AgentConfig config_;
  State& state_;
  ResultSpool spool_;
  Runner runner_;
  Door door_;
  std::size_t undecided_ = 0;           // calls with the state
  std::unique_ptr<Reporter> reporter_;  // none without a scheduler
  std::vector<std::unique_ptr<wire::Server>> servers_;
  std::function<void()> left_;
  Timer kill_;
  Timer look_;
  std::optional<Deadline> give_up_;
  bool rested_ = false;  // leaving, and every worker has ended
};

}  // namespace elves::worker
