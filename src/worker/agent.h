// elves-agent: the AgentService of one machine.
//
// A synchronous instruction is answered when its worker has ended. An asynchronous one is taken or refused at
// once; what was taken ends in one result, brought to the scheduler until it has it. While that lasts, the
// same execution sent again (same exec_id) is taken without running it again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/timers.h"
#include "wire/server.h"
#include "wire/service.h"
#include "worker/config.h"
#include "worker/reporter.h"
#include "worker/result_spool.h"
#include "worker/runner.h"

namespace elves::worker {

// Loop thread only.
class Agent final : public wire::AgentService {
 public:
  // Binds and serves at once: throws boost::system::system_error when the address cannot be had.
  Agent(boost::asio::io_context& loop, const Clock& clock, Timers& timers, AgentConfig config);

  // Takes nothing any more, lets the workers end within draintimeout, kills those that do not, and brings the
  // results to the scheduler; then the agent has nothing left on the loop, and `left` is called, once.
  // Calling it again gives up the wait for the workers.
  void leave(std::function<void()> left);

  void invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) override;
  std::vector<Acceptance> invoke_async(std::vector<Instruction> instructions) override;

 private:
  wire::Server::Handler guarded(wire::Server::Handler handler);
  bool may_call(const std::string& peer);
  std::optional<std::string> run(const Instruction& ins, Runner::Done done);
  std::optional<std::string> take(const Instruction& ins);
  void kill_workers();
  void look_whether_done();

  const Clock& clock_;
  Timers& timers_;
  const AgentConfig config_;
  ResultSpool spool_;
  std::set<std::string> open_;     // exec_ids taken whose results the scheduler does not have
  std::set<std::string> refused_;  // peers that were told off in the log
  Runner runner_;
  std::unique_ptr<Reporter> reporter_;  // none without a scheduler
  std::unique_ptr<wire::Server> server_;
  std::function<void()> left_;
  Timer kill_;
  Timer look_;
  std::optional<Deadline> give_up_;
};

}  // namespace elves::worker
