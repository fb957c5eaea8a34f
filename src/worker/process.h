// One worker as a process group of its own, watched from the loop: no thread, no SIGCHLD.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "worker/command.h"
#include "worker/output.h"

namespace elves::worker {

// What is left of a process.
struct Ended {
  Exit exit;
  std::string output;      // all of its standard output; cut off when too_large
  std::string errors;      // the end of its standard error
  bool too_large = false;  // it printed more than allowed, and was killed for it
};

// Loop thread only, in a program that ignores SIGPIPE. It reads what the process prints as it comes, and
// gives the process nothing of this one's but PATH and the rest of the environment: no descriptor, no ignored
// signal.
//
// When the process has ended, everything that is left in its group is killed, and it is reaped: `done` finds
// nothing of it running, except for what has left the group by setsid(). Should this program die first, the
// process is killed by the system; leftovers.h is for the rest of its group.
class Process : public std::enable_shared_from_this<Process> {
 public:
  using Done = std::function<void(Ended)>;

  // Starts `command`. `max_output`: bytes of standard output. `done` is called once, later, from the loop.
  // Error: internal, with the reason in words ("cannot start ..."); then `done` is not called.
  static Result<std::shared_ptr<Process>> start(boost::asio::io_context& loop, Command command,
                                                std::size_t max_output, Done done);
  virtual ~Process() = default;

  // Kills the whole group. `done` follows. Nothing happens once it has ended.
  virtual void kill() = 0;
  virtual int pid() const = 0;
};

// Reaps every child of this program that has ended and was not started here. Loop thread only.
void reap_orphans();

}  // namespace elves::worker
