// Processes that others have left behind and that became children of this one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace elves::worker {

// As PID 1 of a container, or as a "subreaper", the agent gets what its workers leave outside their group.
// They are reaped when they end; without that they stay zombies until nothing can be started any more. Does
// nothing in any other process. Loop thread only.
class Orphans {
 public:
  explicit Orphans(boost::asio::io_context& loop);
  // Has nothing left on the loop after it.
  void stop();

 private:
  void await();

  boost::asio::signal_set ended_;
};

}  // namespace elves::worker
