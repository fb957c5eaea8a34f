// How much of what is published the journal keeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace elves::journal {

// The first limit that is reached counts. Open jobs are never removed.
struct Keep {
  Seconds age = std::chrono::hours(7 * 24);  // since it was published
  std::size_t count = 1'000'000;
  std::uint64_t bytes = 4ULL << 30;  // used in a file; freed space is used again
};

// How many of so many jobs, which use so many bytes, are beyond the limits of count and bytes.
inline std::size_t beyond(const Keep& keep, std::size_t jobs, std::uint64_t bytes) {
  const std::size_t by_count = jobs - std::min(jobs, keep.count);
  if (bytes <= keep.bytes) return by_count;
  // As many as make up the excess when all are alike.
  const double share = static_cast<double>(bytes - keep.bytes) / static_cast<double>(bytes);
  return std::max(by_count, std::min(jobs, static_cast<std::size_t>(share * static_cast<double>(jobs)) + 1));
}

}  // namespace elves::journal
