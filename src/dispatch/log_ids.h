// Where log ids come from.
#pragma once

#include <cstdint>
#include <random>

#include "model/job.h"

namespace elves {

// Consecutive numbers from a random place among 2^64. Consecutive, because the journal's index of them is
// then written at one place: docs/adr/0011-consecutive-log-ids.md. Never repeats within a process. Two
// processes, or a process and the one before it, give the same id only if their runs overlap: at 10,000 jobs
// a second each, for a year, with a probability of 2 * 3.2e11 / 2^64 = 3.4e-8. Not thread-safe.
class LogIds {
 public:
  LogIds() : next_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {}

  LogId next() { return LogId(next_++); }

 private:
  std::uint64_t next_;
};

}  // namespace elves
