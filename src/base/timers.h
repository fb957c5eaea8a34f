// All pending deadlines of one thread, in one ordered queue that somebody else drives.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"

namespace elves {

class Timers;

// One timer that its owner may set again and again. Destroying it cancels it. It must not outlive its Timers.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  void cancel();
  bool pending() const { return timers_ != nullptr; }

 private:
  friend class Timers;
  struct Due {
    Timer* timer;
    std::function<void()> action;
  };
  using Queue = std::multimap<SteadyTime, Due>;

  Timers* timers_ = nullptr;
  Queue::iterator at_;
};

// Not thread-safe: belongs to the loop thread. The driver calls run_due() no later than next().
class Timers {
 public:
  // Arranges for `action` to run once `deadline` has passed, instead of what `timer` was set to before.
  void set(Timer& timer, Deadline deadline, std::function<void()> action);

  // Runs every action due at `now`, oldest first, including those that actions add meanwhile. A timer is no
  // longer pending when its action runs, so the action may set or destroy it.
  void run_due(SteadyTime now);

  // When the next action is due; nullopt when none is pending.
  std::optional<SteadyTime> next() const;

  // `rearm` is called, on the same thread, whenever the earliest deadline has become earlier.
  void on_earlier(std::function<void()> rearm) { rearm_ = std::move(rearm); }

 private:
  friend class Timer;
  Timer::Queue queue_;
  std::function<void()> rearm_;
};

}  // namespace elves
