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
#include "base/error.h"
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
  struct Task;
  // An instruction that can be run, and its place. Dropped, it gives the place back.
  using Ticket = std::shared_ptr<Task>;

  // What happens on the way of an instruction.
  struct Hooks {
    // Called when its turn comes, at most once; its worker is started some time after `go` is called, which
    // must be from the loop. Its deadline runs on meanwhile, and others may go first. None: it needs no
    // leave.
    std::function<void(std::function<void()> go)> ask;
    // Called once, later. The answer's costtime: milliseconds from the worker's start to its end; 0 when it
    // was never started.
    Done done;
  };

  Runner(boost::asio::io_context& loop, const Clock& clock, Timers& timers, Launcher launcher,
         RunnerLimits limits);
  ~Runner();

  // Why an instruction cannot be run is internal: no such app or program, too much waiting, or stopped.
  Result<Ticket> admit(const Instruction& instruction);
  // Runs what was admitted, stopped or not; its time begins now.
  void run(Ticket ticket, Hooks hooks);
  // Both at once. Answers why it cannot be run; then `done` is not called.
  std::optional<std::string> run(const Instruction& instruction, Done done);

  // Admits nothing any more.
  void stop() { stopped_ = true; }
  // Ends everything that was run with flag -1 and `why`.
  void kill_all(const std::string& why);

  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size() + asking_.size() + ready_.size(); }
  bool idle() const { return running() == 0 && waiting() == 0; }

 private:
  using Tasks = std::list<Ticket>;

  void move(Tasks::iterator at, Tasks& to);
  void start_waiting();
  void ask_for_leave();
  void start(Tasks::iterator at);
  void time_out(Tasks::iterator at);
  void ended(Tasks::iterator at, const Ended& ended);
  void finish(Tasks::iterator at, WorkerAnswer answer);

  boost::asio::io_context& loop_;
  const Clock& clock_;
  Timers& timers_;
  const Launcher launcher_;
  const RunnerLimits limits_;
  const std::shared_ptr<std::size_t> places_ = std::make_shared<std::size_t>(0);  // taken by tickets
  bool stopped_ = false;
  Tasks waiting_;            // to ask for leave
  Tasks asking_;             // without an answer yet
  Tasks ready_;              // for a free worker
  std::size_t granted_ = 0;  // of them: those that had to ask
  Tasks running_;
};

}  // namespace elves::worker
