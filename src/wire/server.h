// A Thrift server on the loop: framed and unframed peers on one port, told apart by a connection's first byte
// (docs/protocol.md, "Thrift"), one call in flight per connection, no thread per peer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/door.h"
#include "base/tcp_liveness.h"
#include "tls/credentials.h"
#include "wire/scanner.h"

namespace elves::wire {

struct ServerLimits {
  MessageScanner::Limits message{};         // of one call; one beyond them closes the connection
  std::chrono::milliseconds first{30'000};  // from connecting until the first call has come whole
  std::chrono::milliseconds idle{
      300'000};  // between calls, for the whole of a later one to arrive, and for the
                 // peer to take the whole answer; working on the answer is unlimited
  std::chrono::milliseconds handshake{5000};  // TLS: for the whole of it
  std::size_t max_handshakes = 500;           // TLS: begun a second; further connections wait to be accepted
  TcpLiveness liveness{};                     // of a peer's machine, and of the way to it
};

// Loop thread only. A peer that breaks the protocol is closed; one that is merely slow or
// idle costs a little memory until `idle` has passed. Out of file descriptors, it waits and goes on
// accepting.
class Server {
 public:
  // Answers one call: `message` is the whole unframed Thrift message; `reply` takes the answer's bytes (empty
  // = close the connection) and may be called within or later, loop thread, even after the server is gone.
  // Only the first reply counts; when all copies of `reply` are dropped without one the connection is closed.
  // What the handler throws is logged and closes the connection. `peer` is the caller's address without port.
  using Handler = std::function<void(std::string message, const std::string& peer,
                                     std::function<void(std::string)> reply)>;

  // Binds at once: throws boost::system::system_error when the address cannot be had. `port` 0 = any free.
  // Who gets no place from `door` is closed before anything is read; it must outlive the server. With
  // `credentials`, of a server, it speaks TLS only; a peer whose handshake fails is told of there.
  Server(boost::asio::io_context& loop, const std::string& host, unsigned short port, ServerLimits limits,
         Door& door, Handler handler, tls::CredentialsPtr credentials = nullptr);
  // Closes everything; the handler is not called again.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  unsigned short port() const;
  std::size_t connections() const;
  // Takes no new connection and no new call; calls in progress are still answered. Their connections are
  // closed then, the others at once.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace elves::wire
