// Drives a Timers from an Asio loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/timers.h"

namespace elves::worker {

// Loop thread only. It keeps the loop running while a deadline is pending, and up to the deadline of a timer
// that was cancelled; stop() ends that.
class LoopTimers {
 public:
  explicit LoopTimers(boost::asio::io_context& loop);

  Timers& timers() { return timers_; }
  // Runs no action any more.
  void stop();

 private:
  void arm();

  boost::asio::steady_timer alarm_;
  Timers timers_;
  bool stopped_ = false;
};

}  // namespace elves::worker
