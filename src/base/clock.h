// Time as this program sees it: a steady clock for waiting, a wall clock for telling.
#pragma once

#include <chrono>

namespace elves {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// Where the time comes from; tests bring their own. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;
  virtual WallTime wall_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

// The moment a wait ends. Passed down instead of durations, so that every step of a job shares one budget.
class Deadline {
 public:
  explicit Deadline(SteadyTime at) : at_(at) {}
  static Deadline after(const Clock& clock, Millis wait) { return Deadline(clock.now() + wait); }

  SteadyTime at() const { return at_; }
  bool passed(SteadyTime now) const { return now >= at_; }
  Deadline sooner(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  SteadyTime at_;
};

}  // namespace elves
