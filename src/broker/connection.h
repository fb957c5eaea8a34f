// One AMQP connection with one channel, for one thread. Wraps librabbitmq's calls and turns every failure
// into a BrokerError.
#pragma once

#include <amqp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tls/credentials.h"

namespace elves::broker {

struct BrokerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5672;
  std::string user;
  std::string password;
  std::string vhost = "/";
  std::string exchange = "elves";
  std::uint16_t prefetch = 20000;
  std::chrono::seconds heartbeat{10};
  std::uint32_t dead_max_length = 10000;
  std::string instance;       // this scheduler's name among those on the broker
  bool durable_inbox = true;  // notices wait for this scheduler while it is not there
  std::uint32_t inbox_max_length = 1000000;
  std::chrono::seconds inbox_expires{7 * 24 * 3600};
  std::optional<tls::Settings> tls;  // its files are read for each connection
};

// The connection or its channel is of no more use. what() is for a person and holds no password.
class BrokerError : public std::runtime_error {
 public:
  enum class Cause : std::uint8_t {
    other,
    refusal,  // the broker closed the channel or the connection because of what it was sent
    tls,      // one side did not take the other's certificate, or does not speak TLS as it should
  };
  explicit BrokerError(const std::string& what, Cause cause = Cause::other)
      : std::runtime_error(what), cause_(cause) {}
  Cause cause() const { return cause_; }

 private:
  Cause cause_;
};

class Connection {
 public:
  static constexpr amqp_channel_t kChannel = 1;

  // Connects, logs in and opens the channel; throws BrokerError. `on_socket` is told the socket as soon as
  // there is one, so that another thread can shut it down and end every wait, and -1 before it is closed.
  Connection(const BrokerOptions& options, std::function<void(int)> on_socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  amqp_connection_state_t raw() const { return state_; }
  int fd() const { return amqp_get_sockfd(state_); }

  // Frames that poll() cannot see because they were read already. With TLS it is all there is too, once
  // next_method() has answered nullopt: it reads until the socket has no more.
  bool has_buffered() const;

  // The next method frame that is here already; nullopt when there is none. Heartbeats are kept up. Throws
  // BrokerError when the broker closed the channel or the connection, cancelled the consumer, or fell silent.
  std::optional<amqp_method_t> next_method();

  // Throws BrokerError naming `what` unless the last synchronous call succeeded.
  void check(const char* what) const;
  // Likewise for calls that answer a status.
  static void check(int status, const char* what);

  // Opens the channel again after the broker has closed it for a refused declaration.
  void reopen_channel();

 private:
  void connect(const BrokerOptions& options);
  amqp_socket_t* new_socket(const BrokerOptions& options);
  void login(const BrokerOptions& options);

  void destroy();

  const std::function<void(int)> on_socket_;
  amqp_connection_state_t state_;
};

// "TEXT" as librabbitmq takes it; valid as long as the string.
inline amqp_bytes_t bytes(const std::string& text) {
  return amqp_bytes_t{text.size(), const_cast<char*>(text.data())};
}
inline std::string_view view(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

}  // namespace elves::broker
