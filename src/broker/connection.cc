#include "broker/connection.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <utility>

#include "base/clock.h"
#include "tls/reason.h"

namespace elves::broker {
namespace {

constexpr timeval kHandshake{5, 0};
constexpr timeval kAnswer{30, 0};
constexpr int kFrameMax = 131072;

// Whether the broker blames what it was sent: not when it shuts down or somebody closed the connection.
BrokerError::Cause cause_of(const amqp_method_t& method) {
  const bool refusal =
      method.id == AMQP_CHANNEL_CLOSE_METHOD ||
      (method.id == AMQP_CONNECTION_CLOSE_METHOD &&
       static_cast<const amqp_connection_close_t*>(method.decoded)->reply_code != AMQP_CONNECTION_FORCED);
  return refusal ? BrokerError::Cause::refusal : BrokerError::Cause::other;
}

std::string closed_by_broker(const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return fmt::format("connection closed by the broker: {} {}", close->reply_code, view(close->reply_text));
  }
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return fmt::format("channel closed by the broker: {} {}", close->reply_code, view(close->reply_text));
  }
  return "unexpected answer from the broker";
}

BrokerError no_tls(const BrokerOptions& options, const std::string& why) {
  return BrokerError(
      fmt::format("no TLS connection to the broker at {}:{}: {}", options.host, options.port, why),
      BrokerError::Cause::tls);
}

amqp_table_entry_t flag(const char* key) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

}  // namespace

Connection::Connection(const BrokerOptions& options, std::function<void(int)> on_socket)
    : on_socket_(std::move(on_socket)), state_(amqp_new_connection()) {
  if (!state_) throw BrokerError("out of memory");
  try {
    connect(options);
    on_socket_(fd());
    login(options);
    amqp_channel_open(state_, kChannel);
    check("opening a channel");
  } catch (...) {
    destroy();
    throw;
  }
}

Connection::~Connection() {
  // Best effort: the broker notices a closed socket just as well.
  const timeval brief{0, 200000};
  amqp_set_rpc_timeout(state_, &brief);
  amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  destroy();
}

void Connection::destroy() {
  on_socket_(-1);
  amqp_destroy_connection(state_);
}

// OpenSSL itself checks certificate and name: librabbitmq knows no certificates for IP addresses.
amqp_socket_t* Connection::new_socket(const BrokerOptions& options) {
  auto* socket = options.tls ? amqp_ssl_socket_new(state_) : amqp_tcp_socket_new(state_);
  if (!socket) throw BrokerError("out of memory");
  if (!options.tls) return socket;
  amqp_ssl_socket_set_verify_peer(socket, 0);
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
  try {
    tls::configure(context, *options.tls);
    tls::expect_name(context, *options.tls, options.host);
  } catch (const tls::Fault& fault) {
    throw BrokerError(fault.what(), BrokerError::Cause::tls);
  }
  return socket;
}

void Connection::connect(const BrokerOptions& options) {
  amqp_socket_t* socket = new_socket(options);
  tls::forget_last();
  const int status = amqp_socket_open_noblock(socket, options.host.c_str(), options.port, &kHandshake);
  if (status == AMQP_STATUS_SSL_CONNECTION_FAILED) {
    const auto why = tls::last_reason();
    throw no_tls(options, why.empty() ? "it closed the connection" : why);
  }
  if (status != AMQP_STATUS_OK) {
    throw BrokerError(
        fmt::format("no broker at {}:{}: {}", options.host, options.port, amqp_error_string2(status)));
  }
  // A peer that vanishes without a word must not hold a send for ever.
  const auto patience = static_cast<unsigned>(Millis(options.heartbeat * 2).count());
  ::setsockopt(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

void Connection::login(const BrokerOptions& options) {
  std::array capabilities{flag("publisher_confirms"), flag("consumer_cancel_notify"),
                          flag("connection.blocked"), flag("basic.nack"),
                          flag("authentication_failure_close")};
  std::array<amqp_table_entry_t, 2> properties{};
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {static_cast<int>(capabilities.size()), capabilities.data()};
  properties[1].key = amqp_cstring_bytes("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = amqp_cstring_bytes("elves-scheduler");
  const amqp_table_t table{static_cast<int>(properties.size()), properties.data()};
  amqp_set_handshake_timeout(state_, &kHandshake);
  const auto reply = amqp_login_with_properties(
      state_, options.vhost.c_str(), 0, kFrameMax, static_cast<int>(options.heartbeat.count()), &table,
      AMQP_SASL_METHOD_PLAIN, options.user.c_str(), options.password.c_str());
  amqp_set_rpc_timeout(state_, &kAnswer);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  // A broker that wants a certificate says so only now.
  if (const auto why = options.tls ? tls::last_reason() : ""; !why.empty()) throw no_tls(options, why);
  throw BrokerError(fmt::format("login to {}:{} as '{}' on vhost '{}' failed: {}", options.host, options.port,
                                options.user, options.vhost,
                                reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION
                                    ? closed_by_broker(reply.reply)
                                    : amqp_error_string2(reply.library_error)));
}

bool Connection::has_buffered() const { return amqp_frames_enqueued(state_) || amqp_data_in_buffer(state_); }

std::optional<amqp_method_t> Connection::next_method() {
  const timeval now{0, 0};
  amqp_frame_t frame;
  const int status = amqp_simple_wait_frame_noblock(state_, &frame, &now);
  if (status == AMQP_STATUS_TIMEOUT) return std::nullopt;
  check(status, "reading from the broker");
  if (frame.frame_type != AMQP_FRAME_METHOD) throw BrokerError("frame out of order from the broker");
  const auto id = frame.payload.method.id;
  if (id == AMQP_CONNECTION_CLOSE_METHOD || id == AMQP_CHANNEL_CLOSE_METHOD) {
    throw BrokerError(closed_by_broker(frame.payload.method), cause_of(frame.payload.method));
  }
  if (id == AMQP_BASIC_CANCEL_METHOD)
    throw BrokerError("the broker cancelled the consumer: was its queue deleted?");
  return frame.payload.method;
}

void Connection::check(const char* what) const {
  const auto reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  throw BrokerError(fmt::format("{}: {}", what,
                                reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION
                                    ? closed_by_broker(reply.reply)
                                    : amqp_error_string2(reply.library_error)));
}

void Connection::check(int status, const char* what) {
  if (status != AMQP_STATUS_OK) throw BrokerError(fmt::format("{}: {}", what, amqp_error_string2(status)));
}

void Connection::reopen_channel() {
  amqp_channel_close_ok_t ok{};
  check(amqp_send_method(state_, kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok), "closing a channel");
  amqp_channel_open(state_, kChannel);
  check("opening a channel again");
}

}  // namespace elves::broker
