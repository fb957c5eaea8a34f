#include "wire/loop_timers.h"

#include <chrono>

namespace elves::wire {

LoopTimers::LoopTimers(boost::asio::io_context& loop) : alarm_(loop) {
  timers_.on_earlier([this] { arm(); });
}

void LoopTimers::stop() {
  stopped_ = true;
  alarm_.cancel();
}

void LoopTimers::arm() {
  const auto next = timers_.next();
  if (!next || stopped_) return;
  alarm_.expires_at(*next);
  alarm_.async_wait([this](boost::system::error_code fault) {
    if (fault) return;
    timers_.run_due(std::chrono::steady_clock::now());
    arm();
  });
}

}  // namespace elves::wire
