// How a long-lived TCP connection hears that the machine at its other end, or the way to it, is gone without
// a word: cut cables, power failures and firewalls that forget send no reset.
#pragma once

#include "base/clock.h"

namespace elves {

struct TcpLiveness {
  Seconds ask_after{15};      // a connection silent for this long is asked whether it lives; 0 = never
  Seconds give_up_after{30};  // without any sign of life for this long it is dead; 0 = as the system likes

  friend bool operator==(const TcpLiveness&, const TcpLiveness&) = default;
};

// For a TCP socket, connected or not. Reading from one that is dead fails with ETIMEDOUT or EHOSTUNREACH.
void keep_alive(int descriptor, const TcpLiveness& liveness);

}  // namespace elves
