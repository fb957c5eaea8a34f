// Which acknowledgements a lost connection may have swallowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "base/clock.h"

namespace elves {

// The broker delivers again what it did not see acknowledged. A request is told by its fingerprint alone, and
// a cron's firings are alike to the byte: so only what was acknowledged shortly before a connection was lost
// is taken for the same request, once each, and not for ever. Loop thread only.
class RecentAcks {
 public:
  // An acknowledgement older than this has reached the broker.
  static constexpr Seconds kSure{60};

  // A request was acknowledged; 0 = it did not come from the broker.
  void add(std::uint64_t fingerprint, SteadyTime now);
  // The request is over; whether it was acknowledged nobody knows. 0 as above.
  void doubt(std::uint64_t fingerprint, SteadyTime now);
  // The connection that acknowledged them is gone.
  void connection_lost(SteadyTime now);
  // Whether a redelivered request is one whose acknowledgement may have been lost.
  bool take(std::uint64_t fingerprint, SteadyTime now);

 private:
  struct Ack {
    std::uint64_t fingerprint;
    SteadyTime at;
  };

  std::deque<Ack> recent_;  // by time of acknowledgement
  std::unordered_multimap<std::uint64_t, SteadyTime>
      doubtful_;  // by fingerprint: when the connection was lost
};

}  // namespace elves
