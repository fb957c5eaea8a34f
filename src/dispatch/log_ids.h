// Where log ids come from.
#pragma once

#include <cstdint>
#include <random>

#include "model/job.h"

namespace elves {

// Never repeats within a process; two processes collide only if their walks over the same 2^64 values
// overlap, as each starts at a random place. Not thread-safe.
class LogIds {
 public:
  LogIds() : next_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {}

  LogId next() { return LogId(mix(next_++)); }

 private:
  // splitmix64's finalizer: a bijection, so distinct counters give distinct ids.
  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }

  std::uint64_t next_;
};

}  // namespace elves
