#include "ctl/amqp_client.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/in_turn.h"
#include "base/ip.h"
#include "base/resolver.h"
#include "base/tcp_liveness.h"
#include "ctl/failure.h"
#include "ctl/text.h"
#include "tls/reason.h"

namespace elves::ctl {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kHeartbeatSeconds = 15;
constexpr int kLargestFrame = 16 << 20;  // that is read: brokers add headers to what was agreed
constexpr Seconds kConnectTime{5};
constexpr timeval kPatience{5, 0};  // for logging in, and each answer of the broker

amqp_bytes_t bytes(const std::string& text) {
  return {text.size(), const_cast<char*>(text.data())};  // the library reads only
}

std::string text_of(amqp_bytes_t value) { return {static_cast<const char*>(value.bytes), value.len}; }

// What the broker said when it closed the connection or the channel.
std::string close_text(amqp_method_number_t method, const void* decoded) {
  if (method == AMQP_CHANNEL_CLOSE_METHOD) {
    return text_of(static_cast<const amqp_channel_close_t*>(decoded)->reply_text);
  }
  if (method == AMQP_CONNECTION_CLOSE_METHOD) {
    return text_of(static_cast<const amqp_connection_close_t*>(decoded)->reply_text);
  }
  return fmt::format("unexpected method {:#x}", method);
}

timeval time_until(Deadline deadline) {
  using std::chrono::microseconds;
  const auto left = deadline.at() - std::chrono::steady_clock::now();
  const auto count = std::max<long>(std::chrono::duration_cast<microseconds>(left).count(), 0);
  return {count / 1000000, count % 1000000};
}

Result<Addresses> addresses_of(const std::string& host, Deadline deadline) {
  boost::asio::io_context loop;
  Resolver resolver(loop);
  Result<Addresses> found = Error{};
  boost::asio::co_spawn(
      loop, resolver.find(host, deadline),
      [&](const std::exception_ptr&, Result<Addresses> answer) { found = std::move(answer); });
  loop.run();
  return found;
}

// The library asks the broker for a certificate of the address that it was given.
void ask_for_name(const SSL* session, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const char*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
  SSL_set_tlsext_host_name(const_cast<SSL*>(session), name);
}

std::string fault_text(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
    return close_text(reply.reply.id, reply.reply.decoded);
  return amqp_error_string2(reply.library_error);
}

}  // namespace

std::string AmqpUrl::text() const {
  const bool v6 = host.find(':') != host.npos;
  return fmt::format("{}://{}@{}:{}/{}", tls ? "amqps" : "amqp", user, v6 ? '[' + host + ']' : host, port,
                     vhost == "/" ? "" : vhost);
}

AmqpUrl parse_amqp_url(const std::string& text) {
  constexpr const char* kShape = "; it looks like amqp[s]://user:password@host:port/vhost";
  std::string parsed = text;
  amqp_connection_info info;
  amqp_default_connection_info(&info);
  if (amqp_parse_url(parsed.data(), &info) != AMQP_STATUS_OK) {
    throw Failure(kExitUsage, std::string("--amqp: that is no AMQP URL") + kShape);
  }
  AmqpUrl url{info.ssl != 0, info.host, info.port, info.user, info.password, info.vhost};
  if (url.vhost.empty()) url.vhost = "/";
  return url;
}

struct AmqpClient::Impl {
  Impl(AmqpUrl u, tls::Settings s)
      : url(std::move(u)), settings(std::move(s)), connection(amqp_new_connection()) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (open) amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
  }

  [[noreturn]] void fail(const std::string& why, ExitCode code = kExitNotDone) const {
    throw Failure(code, fmt::format("{}: {}", url.text(), one_line(why)));
  }

  void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    open = open && reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
    fail(fault_text(reply));
  }
  void check_last() { check(amqp_get_rpc_reply(connection)); }

  // OpenSSL itself checks certificate and name: librabbitmq knows no certificates for IP addresses.
  amqp_socket_t* new_tls_socket() {
    auto* socket = amqp_ssl_socket_new(connection);
    amqp_ssl_socket_set_verify_peer(socket, 0);
    amqp_ssl_socket_set_verify_hostname(socket, 0);
    auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    try {
      tls::configure(context, settings);
      tls::expect_name(context, settings, url.host);
      if (!IpAddress::parse(url.host)) {
        SSL_CTX_set_app_data(context, url.host.data());
        SSL_CTX_set_info_callback(context, ask_for_name);
      }
    } catch (const tls::Fault& fault) {
      throw Failure(kExitUsage, fault.what());
    }
    return socket;
  }

  // One attempt after the other, each with its share of the time.
  void connect() {
    amqp_socket_t* socket = url.tls ? new_tls_socket() : amqp_tcp_socket_new(connection);
    const Deadline deadline(std::chrono::steady_clock::now() + kConnectTime);
    const auto addresses = addresses_of(url.host, deadline);
    if (!addresses) no_broker(addresses.error().detail);
    Attempts attempts(url.host);
    for (std::size_t i = 0; i < addresses->size(); ++i) {
      const auto share = share_of(deadline, std::chrono::steady_clock::now(), addresses->size() - i);
      const auto why = open_socket(socket, (*addresses)[i], share);
      if (why.empty()) return log_in();
      attempts.failed((*addresses)[i], why);
    }
    no_broker(attempts.text());
  }

  [[noreturn]] void no_broker(const std::string& why) const {
    fail(fmt::format("no broker answers: {}; is it running? (--amqp)", why));
  }

  // "", or why not. A broker that is there and wants another TLS is not asked again at another address.
  std::string open_socket(amqp_socket_t* socket, const std::string& address, Deadline deadline) const {
    timeval patience = time_until(deadline);
    tls::forget_last();
    const int status = amqp_socket_open_noblock(socket, address.c_str(), url.port, &patience);
    if (status == AMQP_STATUS_OK) return "";
    if (status == AMQP_STATUS_SSL_CONNECTION_FAILED) {
      const auto why = tls::last_reason();
      fail("no TLS connection: " + (why.empty() ? "it closed the connection" : why) + " (--ca, --cert)");
    }
    // The library keeps no more of the reason than this.
    return status == AMQP_STATUS_SOCKET_ERROR ? "connection refused, or not reachable"
                                              : amqp_error_string2(status);
  }

  void log_in() {
    keep_alive(amqp_get_sockfd(connection), TcpLiveness());
    timeval patience = kPatience;
    amqp_set_handshake_timeout(connection, &patience);
    amqp_set_rpc_timeout(connection, &patience);
    check(amqp_login(connection, url.vhost.c_str(), AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE,
                     kHeartbeatSeconds, AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str()));
    open = true;
    amqp_channel_open(connection, kChannel);
    check_last();
    amqp_confirm_select(connection, kChannel);
    check_last();
  }

  // Nothing more can be published after it, in frames as agreed.
  void take_large_frames() {
    amqp_tune_connection(connection, amqp_get_channel_max(connection), kLargestFrame, kHeartbeatSeconds);
  }

  AmqpMessage read_content() {
    amqp_message_t content;
    check(amqp_read_message(connection, kChannel, &content, 0));
    AmqpMessage message;
    message.body = text_of(content.body);
    if ((content.properties._flags & AMQP_BASIC_CORRELATION_ID_FLAG) != 0) {
      message.correlation_id = text_of(content.properties.correlation_id);
    }
    amqp_destroy_message(&content);
    return message;
  }

  AmqpEvent event_of(const amqp_method_t& method) {
    switch (method.id) {
      case AMQP_BASIC_ACK_METHOD:
        return {AmqpEvent::Kind::confirmed, "", ""};
      case AMQP_BASIC_NACK_METHOD:
        return {AmqpEvent::Kind::refused, "", ""};
      case AMQP_BASIC_RETURN_METHOD: {
        auto why = text_of(static_cast<const amqp_basic_return_t*>(method.decoded)->reply_text);
        read_content();
        return {AmqpEvent::Kind::returned, std::move(why), ""};
      }
      case AMQP_BASIC_DELIVER_METHOD: {
        auto message = read_content();
        return {AmqpEvent::Kind::delivered, std::move(message.body), std::move(message.correlation_id)};
      }
      default:
        open = method.id == AMQP_CHANNEL_CLOSE_METHOD;
        fail(close_text(method.id, method.decoded));
    }
  }

  AmqpUrl url;
  tls::Settings settings;
  amqp_connection_state_t connection;
  bool open = false;  // whether the broker still expects a goodbye
};

AmqpClient::AmqpClient(const AmqpUrl& url, const tls::Settings& tls)
    : impl_(std::make_unique<Impl>(url, tls)) {
  impl_->connect();
}

AmqpClient::~AmqpClient() = default;

std::string AmqpClient::open_reply_queue() {
  constexpr amqp_boolean_t kYes = 1;
  constexpr amqp_boolean_t kNo = 0;
  const auto* declared = amqp_queue_declare(impl_->connection, kChannel, amqp_empty_bytes, kNo, kNo, kYes,
                                            kYes, amqp_empty_table);
  impl_->check_last();
  auto name = text_of(declared->queue);
  amqp_basic_consume(impl_->connection, kChannel, bytes(name), amqp_empty_bytes, kNo, kYes, kYes,
                     amqp_empty_table);
  impl_->check_last();
  return name;
}

void AmqpClient::bind(const std::string& queue, const std::string& exchange, const std::string& key) {
  amqp_queue_bind(impl_->connection, kChannel, bytes(queue), bytes(exchange), bytes(key), amqp_empty_table);
  impl_->check_last();
}

void AmqpClient::publish(const AmqpMessage& message) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  if (!message.reply_to.empty()) {
    properties._flags |= AMQP_BASIC_REPLY_TO_FLAG;
    properties.reply_to = bytes(message.reply_to);
  }
  if (!message.correlation_id.empty()) {
    properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.correlation_id = bytes(message.correlation_id);
  }
  const int status = amqp_basic_publish(impl_->connection, kChannel, bytes(message.exchange),
                                        bytes(message.key), 1, 0, &properties, bytes(message.body));
  if (status != AMQP_STATUS_OK) impl_->fail(amqp_error_string2(status), kExitUnknown);
  impl_->take_large_frames();
}

std::optional<AmqpEvent> AmqpClient::next(std::chrono::steady_clock::time_point deadline) {
  amqp_maybe_release_buffers(impl_->connection);
  for (;;) {
    timeval wait = time_until(Deadline(deadline));
    amqp_frame_t frame;
    const int status = amqp_simple_wait_frame_noblock(impl_->connection, &frame, &wait);
    if (status == AMQP_STATUS_TIMEOUT) return std::nullopt;
    if (status != AMQP_STATUS_OK) {
      impl_->open = false;
      impl_->fail(std::string("the connection broke: ") + amqp_error_string2(status), kExitUnknown);
    }
    if (frame.frame_type == AMQP_FRAME_METHOD) return impl_->event_of(frame.payload.method);
  }
}

}  // namespace elves::ctl
