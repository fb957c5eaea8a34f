#include "dispatch/retry.h"

#include <algorithm>

#include "base/backoff.h"

namespace elves {

Millis Retry::ceiling(const RetryLimits& limits, std::uint32_t made) {
  Millis ceiling = limits.pause;
  for (std::uint32_t call = 1; call < made && ceiling < limits.max_pause; ++call) ceiling *= 2;
  return std::min(ceiling, limits.max_pause);
}

std::optional<Deadline> Retry::next(const RetryLimits& limits, std::uint32_t made, SteadyTime now,
                                    Deadline end) {
  if (made >= limits.attempts) return std::nullopt;
  const Deadline at(now + jittered(ceiling(limits, made), random_));
  if (end.passed(at.at())) return std::nullopt;
  return at;
}

}  // namespace elves
