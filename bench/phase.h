// A stretch of the load: how jobs are offered, and what came of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "histogram.h"

namespace elves::bench {

// Closed loop: a new job for each that ended, `window` in flight. Open loop: `rate` jobs/s whatever becomes
// of them. It ends after `seconds`, or when `jobs` were sent and all are answered.
struct PhasePlan {
  std::uint64_t window = 0;
  double rate = 0;
  double seconds = 0;
  std::uint64_t jobs = 0;

  // "window=64,seconds=5", "window=64,jobs=1000" or "rate=1000,seconds=60"; throws std::invalid_argument.
  static PhasePlan parse(const std::string& text);
};

struct PhaseResult {
  double seconds = 0;
  std::uint64_t sent = 0;
  std::uint64_t replies = 0;  // that came in during the phase, failures included
  std::uint64_t most_in_flight = 0;
  std::map<std::string, double> cpu_us;  // by watched process, of the whole phase
  // Of the jobs sent in this phase, whenever they ended. Open loop: from when they should have been sent.
  Histogram latency;                            // of those that succeeded
  std::map<std::string, std::uint64_t> failed;  // by failure_in()
  double disturbed_until = 0;  // seconds into it at which the last job was sent that failed, or took twice as
                               // long as 99.9 % of the first phase's

  std::string json() const;
};

}  // namespace elves::bench
