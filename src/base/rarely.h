// Keeps what others can cause from filling the log.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"

namespace elves {

// For messages of one kind: one is let through, then none for `pause`. Not thread-safe.
class Rarely {
 public:
  explicit Rarely(Millis pause = Seconds(10)) : pause_(pause) {}

  // How many were held back since the last one that was let through; nullopt: this one is held back, too.
  std::optional<std::size_t> pass(SteadyTime now) {
    if (next_ && now < *next_) {
      ++held_;
      return std::nullopt;
    }
    next_ = now + pause_;
    return std::exchange(held_, 0);
  }

 private:
  Millis pause_;
  std::optional<SteadyTime> next_;
  std::size_t held_ = 0;
};

// For the end of the message that was let through: " (and 7 more since this was last said)", or "".
inline std::string and_more(std::size_t held) {
  return held == 0 ? "" : " (and " + std::to_string(held) + " more since this was last said)";
}

}  // namespace elves
