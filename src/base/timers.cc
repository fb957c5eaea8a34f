#include "base/timers.h"

#include <utility>

namespace elves {

void Timer::cancel() {
  if (auto* timers = std::exchange(timers_, nullptr)) timers->queue_.erase(at_);
}

void Timers::set(Timer& timer, Deadline deadline, std::function<void()> action) {
  timer.cancel();
  // Most are due later than all others.
  timer.at_ = queue_.emplace_hint(queue_.end(), deadline.at(), Timer::Due{&timer, std::move(action)});
  timer.timers_ = this;
  if (rearm_ && timer.at_ == queue_.begin()) rearm_();
}

void Timers::run_due(SteadyTime now) {
  while (!queue_.empty() && queue_.begin()->first <= now) {
    auto due = std::move(queue_.extract(queue_.begin()).mapped());
    due.timer->timers_ = nullptr;
    due.action();
  }
}

std::optional<SteadyTime> Timers::next() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first;
}

}  // namespace elves
