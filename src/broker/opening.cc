// Connection: from the address to a channel.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "base/in_turn.h"
#include "base/tcp_liveness.h"
#include "broker/connection.h"
#include "broker/login.h"
#include "tls/credentials.h"
#include "tls/reason.h"

namespace elves::broker {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis kConnect{5000};  // all addresses of a node together
constexpr Millis kHandshake{5000};

}  // namespace

asio::awaitable<void> Connection::open() {
  co_await connect();
  limit(kHandshake, no_broker("no answer within 5 s").what());
  if (options_.tls) co_await handshake();
  co_await login();
  no_limit();
  tick();
  co_await reopen();
}

asio::awaitable<void> Connection::connect() {
  const Deadline deadline(std::chrono::steady_clock::now() + kConnect);
  const auto try_one = [this](const std::string& address, Deadline share) {
    return try_address(address, share);
  };
  const std::string none_is_doubtful;
  const auto connected = co_await connect_in_turn(resolver_, node_.host, deadline, try_one, none_is_doubtful);
  if (fault_) throw *fault_;
  if (!connected) throw no_broker(connected.error().detail);
  if (*connected != node_.host) place_ = fmt::format("{} ({})", node_.text(), *connected);
  error_code ignored;
  stream_.next().set_option(tcp::no_delay(true), ignored);
  // A peer that vanishes without a word must not hold what is written for ever.
  keep_alive(stream_.next().native_handle(), {options_.heartbeat, options_.heartbeat * 2});
}

asio::awaitable<Result<void>> Connection::try_address(std::string address, Deadline deadline) {
  auto& socket = stream_.next();
  error_code fault;
  socket.close(fault);
  const tcp::endpoint endpoint(asio::ip::make_address(address), node_.port);
  const auto waiting = std::make_shared<bool>(true);
  asio::steady_timer patience(loop_, deadline.at());
  patience.async_wait([self = shared_from_this(), waiting](error_code cancelled) {
    error_code ignored;
    if (!cancelled && *waiting) self->stream_.next().close(ignored);
  });
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await socket.async_connect(endpoint, token);
  *waiting = false;
  if (fault == asio::error::operation_aborted && !fault_)
    co_return Error{ErrorCode::send_failed, "no answer"};
  if (fault) co_return Error{ErrorCode::send_failed, fault.message()};
  co_return Result<void>();
}

asio::awaitable<void> Connection::handshake() {
  try {
    stream_.use_tls(tls::Credentials(*options_.tls).session(node_.host));
  } catch (const tls::Fault& fault) {
    throw BrokerError(fault.what(), BrokerError::Cause::tls);
  }
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
  if (fault_) throw *fault_;
  if (fault) throw no_tls(fault);
}

asio::awaitable<void> Connection::login() {
  try {
    encoder_.protocol_header(out_);
    flush();
    co_await expect(AMQP_CONNECTION_START_METHOD);
    Introduction introduction(options_);
    encoder_.method(out_, 0, AMQP_CONNECTION_START_OK_METHOD, introduction.method());
    flush();
    const Incoming tune = co_await expect(AMQP_CONNECTION_TUNE_METHOD);
    agree(tune.as<amqp_connection_tune_t>());
    co_await expect(AMQP_CONNECTION_OPEN_OK_METHOD);
  } catch (const BrokerError& error) {
    if (error.cause() == BrokerError::Cause::tls || fault_) throw;
    throw BrokerError(fmt::format("login to {} as '{}' on vhost '{}' failed: {}{}", place_, options_.user,
                                  options_.vhost, error.what(), login_hint(options_, error.what())));
  }
  logged_in_ = true;
}

void Connection::agree(const amqp_connection_tune_t& offered) {
  const std::uint32_t most = offered.frame_max == 0 ? kFrameMax : std::min(offered.frame_max, kFrameMax);
  encoder_.set_frame_max(most);
  most_channels_ = offered.channel_max == 0 ? kMostChannels : std::min(offered.channel_max, kMostChannels);
  amqp_connection_tune_ok_t agreed{offered.channel_max, most,
                                   static_cast<std::uint16_t>(options_.heartbeat.count())};
  encoder_.method(out_, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &agreed);
  amqp_connection_open_t open{bytes(options_.vhost), amqp_empty_bytes, 0};
  encoder_.method(out_, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
  flush();
}

asio::awaitable<Incoming> Connection::expect(amqp_method_number_t id) {
  const Incoming incoming = co_await receive();
  if (incoming.id != id) throw ended_by(incoming);
  co_return incoming;
}

BrokerError Connection::no_broker(const std::string& why) const {
  return BrokerError(fmt::format("no broker at {}: {}", place_, why));
}

BrokerError Connection::no_tls(const error_code& fault) const {
  return BrokerError(
      fmt::format("no TLS connection to the broker at {}: {}", place_, tls::reason(fault, stream_.session())),
      BrokerError::Cause::tls);
}

}  // namespace elves::broker
