#include "broker/connection.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "broker/login.h"
#include "broker/refusal.h"
#include "tls/reason.h"

namespace elves::broker {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis kAnswer{30000};
constexpr Millis kFarewell{200};
constexpr int kTicks = 3;  // in one heartbeat
constexpr std::size_t kMostUnsent = 262144;
constexpr int kRounds = 4;  // before others have their turn
constexpr std::size_t kKept = 1U << 20;

}  // namespace

Connection::Connection(asio::io_context& loop, const BrokerOptions& options, HostPort node)
    : loop_(loop),
      options_(options),
      node_(std::move(node)),
      place_(node_.text()),
      resolver_(loop),
      stream_(tcp::socket(loop)),
      limit_(loop),
      ticks_(loop) {}

asio::awaitable<void> Connection::reopen() {
  amqp_channel_open_t open{amqp_empty_bytes};
  const std::string what = "opening a channel";
  co_await call(what, AMQP_CHANNEL_OPEN_METHOD, &open, AMQP_CHANNEL_OPEN_OK_METHOD);
}

asio::awaitable<void> Connection::open_again() {
  writer_ = nullptr;
  amqp_channel_close_ok_t ok{};
  send(AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  co_await reopen();
}

asio::awaitable<void> Connection::renew_channel() {
  writer_ = nullptr;
  amqp_channel_close_t close{AMQP_REPLY_SUCCESS, amqp_cstring_bytes("anew"), 0, 0};
  const std::string what = "closing a channel";
  co_await call(what, AMQP_CHANNEL_CLOSE_METHOD, &close, AMQP_CHANNEL_CLOSE_OK_METHOD);
  co_await reopen();
}

asio::awaitable<std::optional<Refusal>> Connection::try_call(amqp_method_number_t id, void* method,
                                                             amqp_method_number_t answer) {
  limit(kAnswer, "the broker gives no answer");
  send(id, method);
  Incoming incoming = co_await receive();
  // While the broker takes no messages it says so in between.
  while (incoming.id == AMQP_CONNECTION_BLOCKED_METHOD || incoming.id == AMQP_CONNECTION_UNBLOCKED_METHOD)
    incoming = co_await receive();
  no_limit();
  if (incoming.id == answer) co_return std::nullopt;
  if (incoming.id != AMQP_CHANNEL_CLOSE_METHOD) throw ended_by(incoming);
  Refusal refusal = refusal_of(incoming.as<amqp_channel_close_t>());
  amqp_channel_close_ok_t ok{};
  send(AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  co_return refusal;
}

asio::awaitable<void> Connection::call(const std::string& what, amqp_method_number_t id, void* method,
                                       amqp_method_number_t answer) {
  const auto refusal = co_await try_call(id, method, answer);
  if (refusal) throw BrokerError(refusal->words(what));
}

// The next thing that comes, whatever it is.
asio::awaitable<Incoming> Connection::receive() {
  for (;;) {
    if (const auto incoming = decoder_.next()) co_return *incoming;
    co_await fill();
  }
}

asio::awaitable<void> Connection::fill() {
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  const auto space = decoder_.space();
  const auto into = asio::buffer(space.data(), space.size());
  const std::size_t count = co_await stream_.async_read_some(into, token);
  if (fault_) throw *fault_;
  if (fault && leaving_) over_ = true;
  if (over_) co_return;
  if (fault) throw lost(fault);
  decoder_.commit(count);
  silent_ticks_ = 0;
  note_turn();
  if (fault_) throw *fault_;
}

std::optional<Incoming> Connection::next() {
  if (over_) return std::nullopt;
  note_turn();
  if (fault_) throw *fault_;
  auto incoming = decoder_.next();
  if (!incoming) return std::nullopt;
  over_ = leaving_ && incoming->id == AMQP_CONNECTION_CLOSE_OK_METHOD;
  if (over_) return std::nullopt;
  if (ends(*incoming)) throw ended_by(*incoming);
  return incoming;
}

void Connection::send(amqp_method_number_t id, void* method, std::uint16_t channel) {
  encoder_.method(out_, channel, id, method);
  wake();
}

void Connection::publish(const amqp_basic_publish_t& method, const amqp_basic_properties_t& properties,
                         std::string_view body) {
  const std::size_t before = out_.size();
  try {
    encoder_.message(out_, method, properties, body);
  } catch (const BrokerError&) {
    out_.resize(before);
    throw;
  }
  wake();
}

bool Connection::roomy() const { return out_.size() + writing_.size() < kMostUnsent; }

// Posted, so that what is ready in the same turn of the loop goes out in the same write.
void Connection::wake() {
  if (!writing_.empty() || std::exchange(flush_due_, true)) return;
  asio::post(loop_, [self = shared_from_this()] { self->flush(); });
}

void Connection::flush() {
  for (int round = 0; round < kRounds; ++round) {
    if (!writing_.empty() || fault_) return;
    flush_due_ = true;  // what the writer sends need not wake
    ask_writer();
    flush_due_ = false;
    if (fault_) return;
    if (writing_.capacity() > kKept) writing_ = std::string();
    if (out_.empty()) return;
    said_something_ = true;
    std::swap(out_, writing_);
    if (!write()) return;
  }
  wake();
}

void Connection::ask_writer() {
  try {
    if (writer_ && !leaving_) writer_();
  } catch (const BrokerError& error) {
    fail(error);
  }
}

// Whether all of it is written already; else flush() goes on when it is.
bool Connection::write() {
  const std::size_t written = stream_.write_some_now(writing_);
  if (written == writing_.size()) {
    writing_.clear();
    return true;
  }
  asio::async_write(stream_, asio::buffer(writing_) + written,
                    [self = shared_from_this()](error_code fault, std::size_t) {
                      self->writing_.clear();
                      if (!fault) self->flush();
                    });
  return false;
}

// After a pause of this process there is one tick, not as many as there should have been.
void Connection::tick() {
  note_turn();
  if (!std::exchange(said_something_, false)) {
    encoder_.heartbeat(out_);
    wake();
  }
  if (silent_ticks_++ > 2 * kTicks) return fail(BrokerError("the broker has fallen silent"));
  ticks_.expires_after(Millis(options_.heartbeat) / kTicks);
  ticks_.async_wait([self = shared_from_this()](error_code fault) {
    if (!fault && !self->fault_) self->tick();
  });
}

void Connection::note_turn() {
  const auto now = std::chrono::steady_clock::now();
  const bool paused = now - std::exchange(last_turn_, now) > options_.heartbeat;
  if (paused && ends_after_pause_)
    fail(BrokerError("this process stood still for longer than the heartbeat"));
}

void Connection::goodbye() {
  if (leaving_) return;
  ask_writer();
  if (fault_) return;
  leaving_ = true;
  amqp_connection_close_t close{AMQP_REPLY_SUCCESS, amqp_cstring_bytes("goodbye"), 0, 0};
  encoder_.method(out_, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
  wake();
  limit(kFarewell, "the broker does not answer a farewell");
}

void Connection::fail(const BrokerError& why) {
  if (fault_) return;
  fault_ = why;
  no_limit();
  ticks_.cancel();
  resolver_.cancel();
  error_code ignored;
  stream_.next().close(ignored);
}

void Connection::limit(Millis patience, std::string why) {
  limit_.expires_after(patience);
  limit_.async_wait([self = shared_from_this(), why = std::move(why)](error_code fault) {
    if (!fault && self->limit_.expiry() <= std::chrono::steady_clock::now()) self->fail(BrokerError(why));
  });
}

void Connection::no_limit() { limit_.expires_at(SteadyTime::max()); }

// A broker that wants a certificate says so only after the handshake.
BrokerError Connection::lost(const error_code& fault) const {
  if (!logged_in_ && tls::is_alert(fault)) return no_tls(fault);
  const bool closed = fault == asio::error::eof || fault == asio::ssl::error::stream_truncated;
  return BrokerError(closed ? "the broker closed the connection"
                            : "the connection to the broker is lost: " + fault.message());
}

}  // namespace elves::broker
