// Connection: from the address to a channel.
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/connection.h"
#include "broker/login.h"
#include "tls/credentials.h"
#include "tls/reason.h"

namespace elves::broker {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis kHandshake{5000};

}  // namespace

asio::awaitable<void> Connection::open() {
  limit(kHandshake, no_broker("no answer within 5 s").what());
  co_await connect();
  if (options_.tls) co_await handshake();
  co_await login();
  no_limit();
  tick();
  co_await reopen();
}

asio::awaitable<void> Connection::connect() {
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  const auto found = co_await resolve();
  co_await asio::async_connect(stream_.next(), found, token);
  if (fault_) throw *fault_;
  if (fault) throw no_broker(fault.message());
  stream_.next().set_option(tcp::no_delay(true), fault);
  // A peer that vanishes without a word must not hold what is written for ever.
  const auto patience = static_cast<unsigned>(Millis(options_.heartbeat * 2).count());
  ::setsockopt(stream_.next().native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

asio::awaitable<tcp::resolver::results_type> Connection::resolve() {
  error_code fault;
  const std::string service = std::to_string(options_.port);
  const auto literal = asio::ip::make_address(options_.host, fault);
  // Looking up a name starts a thread, which an address can do without.
  if (!fault)
    co_return tcp::resolver::results_type::create(tcp::endpoint(literal, options_.port), options_.host,
                                                  service);
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  tcp::resolver resolver(loop_);
  const auto found = co_await resolver.async_resolve(options_.host, service, token);
  if (fault_) throw *fault_;
  if (fault) throw no_broker(fault.message());
  co_return found;
}

asio::awaitable<void> Connection::handshake() {
  try {
    stream_.use_tls(tls::Credentials(*options_.tls).session(options_.host));
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
    throw BrokerError(fmt::format("login to {}:{} as '{}' on vhost '{}' failed: {}{}", options_.host,
                                  options_.port, options_.user, options_.vhost, error.what(),
                                  login_hint(options_, error.what())));
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
  return BrokerError(fmt::format("no broker at {}:{}: {}", options_.host, options_.port, why));
}

BrokerError Connection::no_tls(const error_code& fault) const {
  return BrokerError(fmt::format("no TLS connection to the broker at {}:{}: {}", options_.host, options_.port,
                                 tls::reason(fault, stream_.session())),
                     BrokerError::Cause::tls);
}

}  // namespace elves::broker
