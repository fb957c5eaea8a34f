// One peer of a Server. Only for sources of this room.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/door.h"
#include "tls/stream.h"
#include "wire/inbox.h"

namespace elves::wire {

// Its coroutine works on it; the server's lists hold it. Loop thread only.
struct Connection {
  Connection(boost::asio::ip::tcp::socket accepted, MessageScanner::Limits limits);
  // Ends whatever the coroutine waits for.
  void close();

  tls::Stream<boost::asio::ip::tcp::socket> stream;
  const std::string peer;
  Inbox inbox;
  std::optional<std::string> answer;   // to the call in progress
  boost::asio::steady_timer answered;  // never expires; cancelled when `answer` is set
  bool reading = false;
  SteadyTime expires;                                       // of the wait for the peer
  std::list<std::shared_ptr<Connection>>* among = nullptr;  // the server's list that it is on
  std::list<std::shared_ptr<Connection>>::iterator place;   // and where
  Door::Place admission;
};

using ConnectionPtr = std::shared_ptr<Connection>;

// The right to answer one call, used up by the first answer; closes the connection when nobody uses it.
class Reply {
 public:
  explicit Reply(std::weak_ptr<Connection> to) : to_(std::move(to)) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() { give({}); }

  void give(std::string answer);

 private:
  std::weak_ptr<Connection> to_;
};

}  // namespace elves::wire
