// One AMQP connection, on the loop: nothing in it blocks. It has one channel, and may be asked for more.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/host_port.h"
#include "base/resolver.h"
#include "broker/frames.h"
#include "broker/options.h"
#include "broker/refusal.h"
#include "tls/stream.h"

namespace elves::broker {

// Loop thread only; held by shared_ptr, as what it has begun may end after its last use. Its coroutines throw
// BrokerError when the connection is over: closed or cancelled by the broker, lost, silent for two
// heartbeats, or failed with fail().
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // To the node `node` of the broker.
  Connection(boost::asio::io_context& loop, const BrokerOptions& options, HostPort node);

  // Connects to one address of the node, each in turn, logs in and opens the channel; from now on heartbeats
  // are kept up.
  boost::asio::awaitable<void> open();
  // "rabbit-1:5672 (10.0.0.7)", or "10.0.0.7:5672".
  const std::string& place() const { return place_; }

  // Sends one method on the channel and waits for `answer`; nothing else may be expected meanwhile. A broker
  // that refuses it has closed the channel: reopen() opens it again.
  boost::asio::awaitable<std::optional<Refusal>> try_call(amqp_method_number_t id, void* method,
                                                          amqp_method_number_t answer);
  // Likewise; a refusal is thrown, naming `what` was done.
  boost::asio::awaitable<void> call(const std::string& what, amqp_method_number_t id, void* method,
                                    amqp_method_number_t answer);
  boost::asio::awaitable<void> reopen();
  // After the broker has closed the channel among other things that came (BrokerError::channel_only()); the
  // writer is to be set again.
  boost::asio::awaitable<void> open_again();
  // Closes the channel and opens it anew. Nothing may be expected on it; the writer is to be set again.
  boost::asio::awaitable<void> renew_channel();

  // Asked for more to send whenever there is room, with one write for all that it sends; wake() says that
  // there is more. Until `writer` finds nothing, or roomy() is false.
  void set_writer(std::function<void()> writer) { writer_ = std::move(writer); }
  void wake();
  bool roomy() const;
  // Goes out with all that is sent in the same turn of the loop.
  void send(amqp_method_number_t id, void* method, std::uint16_t channel = kChannel);
  // Throws BrokerError, and sends nothing, when method or properties do not fit in a frame.
  void publish(const amqp_basic_publish_t& method, const amqp_basic_properties_t& properties,
               std::string_view body);

  // Waits until something has come; next() then gives it, one by one, until nullopt.
  boost::asio::awaitable<void> fill();
  std::optional<Incoming> next();

  // The connection is over when the process has stood still for longer than the heartbeat: the broker has
  // given what it had delivered to others.
  void end_after_pause() { ends_after_pause_ = true; }

  // The highest number of a channel that the broker allows, and Decoder takes.
  std::uint16_t most_channels() const { return most_channels_; }

  // Lets the writer send its last words and closes; over() is true when the broker has agreed, or hung up.
  void goodbye();
  bool over() const { return over_; }
  // Ends it: whatever is waited for throws `why`. Further calls, and any after goodbye's end, do nothing.
  void fail(const BrokerError& why);

 private:
  boost::asio::awaitable<void> connect();
  boost::asio::awaitable<Result<void>> try_address(std::string address, Deadline deadline);
  boost::asio::awaitable<void> handshake();
  boost::asio::awaitable<void> login();
  boost::asio::awaitable<Incoming> receive();
  boost::asio::awaitable<Incoming> expect(amqp_method_number_t id);
  void agree(const amqp_connection_tune_t& offered);
  void note_turn();
  void tick();
  void flush();
  void ask_writer();
  bool write();
  void limit(Millis patience, std::string why);
  void no_limit();
  BrokerError no_broker(const std::string& why) const;
  BrokerError no_tls(const boost::system::error_code& fault) const;
  BrokerError lost(const boost::system::error_code& fault) const;

  boost::asio::io_context& loop_;
  const BrokerOptions& options_;
  const HostPort node_;
  std::string place_;
  Resolver resolver_;
  tls::Stream<boost::asio::ip::tcp::socket> stream_;
  boost::asio::steady_timer limit_;  // of what is waited for
  boost::asio::steady_timer ticks_;
  Decoder decoder_;
  Encoder encoder_;
  std::function<void()> writer_;
  std::string out_;      // to be written
  std::string writing_;  // being written; empty when no write is in progress
  std::uint16_t most_channels_ = kChannel;
  bool flush_due_ = false;
  bool said_something_ = false;
  int silent_ticks_ = 0;
  bool logged_in_ = false;
  bool ends_after_pause_ = false;
  bool leaving_ = false;
  bool over_ = false;
  SteadyTime last_turn_;
  std::optional<BrokerError> fault_;
};

}  // namespace elves::broker
