// When a job whose agent could not be reached is tried again.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "base/clock.h"

namespace elves {

struct RetryLimits {
  std::uint32_t attempts = 1;  // calls in all; 1 = no second one
  Millis pause{1000};          // before the second one, at most
  Millis max_pause{30000};     // before any
};

// Not thread-safe.
class Retry {
 public:
  // When the call after `made` ones may begin: after a pause that is fully jittered under a ceiling that
  // doubles with each. nullopt: there is none left, or it would begin only at `end` or later.
  std::optional<Deadline> next(const RetryLimits& limits, std::uint32_t made, SteadyTime now, Deadline end);

  // The most that the pause after `made` calls can be.
  static Millis ceiling(const RetryLimits& limits, std::uint32_t made);

 private:
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace elves
