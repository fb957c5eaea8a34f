// Whether a peer that did not answer lately is worth another connection.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace elves::agent {

struct BreakerOptions {
  std::uint32_t failures = 5;  // unanswered, in a row, and it opens; 0 = it never does
  Seconds pause{10};           // the longest before one connection is tried again
};

// Of one peer. Only attempts that nobody answered open it, since each of them costs its caller time; one that
// is refused costs nothing, and shows that the machine is there. Closed, every connection may be tried. Open,
// none may until the pause is over; then one at a time, the probe: if nobody answers that, the next pause is
// twice as long. The first is a second. Not thread-safe.
class Breaker {
 public:
  enum class Pass : std::uint8_t { normal, probe, refused };

  // Whether nobody may try now. After a change of options, the new ones count.
  bool refuses(const BreakerOptions& options, SteadyTime now) const;
  // Asks to try a connection. Unless refused, exactly one of the following four is to be called for it.
  Pass ask(const BreakerOptions& options, SteadyTime now);

  // Nobody answered. True when this opens it; not when it was open.
  bool unanswered(Pass pass, const BreakerOptions& options, SteadyTime now);
  // It failed, but at once. True when this closes it.
  bool failed_at_once(SteadyTime now);
  // The attempt said nothing about the peer.
  void spared(Pass pass);
  // The peer was reached; also when that is seen without asking. True when this closes it.
  bool reached();

  // Connections in a row that failed, of either kind.
  std::uint32_t failures() const { return failures_; }
  // "closed"; "open"; "trying": open, and a probe is under way.
  const char* state() const { return !open_ ? "closed" : probing_ ? "trying" : "open"; }
  // Why it refuses, for people, who know the peer as `name`.
  std::string reason(const char* name, SteadyTime now) const;
  // Nothing is lost when it is forgotten: the peer was reached last, or the last failure is older than
  // `old`, and an open breaker would let one through anyway.
  bool forgettable(SteadyTime now, Seconds old) const;

 private:
  bool close();

  std::uint32_t failures_ = 0;    // in a row
  std::uint32_t unanswered_ = 0;  // of them, since the last that was answered
  bool open_ = false;
  bool probing_ = false;
  SteadyTime failed_at_{};
  Seconds pause_{0};    // while open
  SteadyTime until_{};  // while open: no probe before
};

}  // namespace elves::agent
