// The TLS part of taking a connection. Only for sources of this room.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <optional>

#include "base/clock.h"
#include "tls/credentials.h"
#include "wire/connection.h"

namespace elves::wire {

// The server's side of the handshake within `patience`; false when the connection is over, which has been
// told of. One that ended before the peer said anything is told to nobody.
boost::asio::awaitable<bool> greet(ConnectionPtr connection, tls::Credentials& credentials, Millis patience);

// Handshakes cost much of the loop's time: so many a second may begin. Loop thread only.
class Pace {
 public:
  explicit Pace(std::size_t most_per_second) : most_(most_per_second) {}
  // One has begun at `now`: until when no further one may.
  std::optional<SteadyTime> begun(SteadyTime now);
  // One has begun: waits until a further one may, or `timer` is cancelled.
  boost::asio::awaitable<void> keep(boost::asio::steady_timer& timer);

 private:
  const std::size_t most_;
  SteadyTime slice_end_{};
  std::size_t in_slice_ = 0;
};

}  // namespace elves::wire
