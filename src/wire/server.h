// A Thrift server on the loop: framed and unframed peers on one port, told apart by a connection's first byte
// (docs/protocol.md, "Thrift"), one call in flight per connection, no thread per peer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace elves::wire {

struct ServerLimits {
  std::size_t max_message = 16 * 1024 * 1024;  // bytes of one call; a larger one closes the connection
  std::size_t max_connections = 20000;         // further ones are closed at once
  std::chrono::seconds idle{300};              // between calls, and for the whole of one call to arrive
};

// Loop thread only.
class Server {
 public:
  // Answers one call: `message` is the whole unframed Thrift message, valid until `reply` is called; `reply`
  // takes the answer's bytes (empty = close the connection) and may be called later, at most once, loop thread.
  // `peer` is the caller's address without port.
  using Handler = std::function<void(std::string message, const std::string& peer, std::function<void(std::string)> reply)>;

  // Binds at once: throws boost::system::system_error when the address cannot be had. `port` 0 = any free.
  Server(boost::asio::io_context& loop, const std::string& host, unsigned short port, ServerLimits limits, Handler handler);
  ~Server();

  unsigned short port() const;
  std::size_t connections() const;
  // Takes no new connection, closes the idle ones; calls in progress are still answered.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace elves::wire
