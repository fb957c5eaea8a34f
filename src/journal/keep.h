// How much of what is published the journal keeps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace elves::journal {

// The first limit that is reached counts. Open jobs are never removed.
struct Keep {
  Seconds age = std::chrono::hours(7 * 24);  // since it was published
  std::size_t count = 1'000'000;
  std::uint64_t bytes = 4ULL << 30;  // used in the file, open jobs included; freed space is used again
};

}  // namespace elves::journal
