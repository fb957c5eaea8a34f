// Runs instructions: as many workers at a time as allowed, the others in order, each with one deadline from
// the moment it was taken.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/timers.h"
#include "model/instruction.h"
#include "worker/command.h"
#include "worker/process.h"

namespace elves::worker {

struct RunnerLimits {
  std::size_t max_running = 64;
  std::size_t max_waiting = 1024;               // beyond: not taken
  std::size_t max_output = 16UL * 1024 * 1024;  // of one answer to the scheduler, echoed instruction included
  Seconds default_timeout{90};                  // for an instruction with timeout 0
};

// Loop thread only.
class Runner {
 public:
  using Done = std::function<void(WorkerAnswer)>;

  Runner(boost::asio::io_context& loop, const Clock& clock, Timers& timers, Launcher launcher,
         RunnerLimits limits);
  ~Runner();

  // Takes an instruction; `done` is called once, later. Otherwise answers why not, and `done` is not called:
  // no such app or program, too much waiting, or stopped. The answer's costtime: milliseconds from the
  // worker's start to its end; 0 when it was never started.
  std::optional<std::string> run(const Instruction& instruction, Done done);

  // Takes nothing any more.
  void stop() { stopped_ = true; }
  // Ends everything taken with flag -1 and `why`.
  void kill_all(const std::string& why);

  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  bool idle() const { return running_.empty() && waiting_.empty(); }

 private:
  struct Task;
  using Tasks = std::list<std::unique_ptr<Task>>;

  void start_waiting();
  void start(Tasks::iterator at);
  void time_out(Tasks::iterator at);
  void ended(Tasks::iterator at, const Ended& ended);
  void finish(Tasks& list, Tasks::iterator at, WorkerAnswer answer);

  boost::asio::io_context& loop_;
  const Clock& clock_;
  Timers& timers_;
  const Launcher launcher_;
  const RunnerLimits limits_;
  bool stopped_ = false;
  Tasks waiting_;
  Tasks running_;
};

}  // namespace elves::worker
