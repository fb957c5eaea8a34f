#include "admin/connection.h"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

#include "admin/request.h"
#include "admin/routes.h"
#include "base/log.h"
#include "base/peer_address.h"
#include "base/tcp_liveness.h"
#include "tls/reason.h"
#include "tls/stream.h"

namespace elves::admin {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::use_awaitable;

constexpr std::chrono::seconds kLinger{2};  // for a client to read why it was refused
constexpr std::size_t kShort = 64u << 10;   // an answer that is sent however much waits

class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<Shared> shared, net::ip::tcp::socket socket)
      : shared_(std::move(shared)),
        peer_(address_of(socket)),
        stream_(boost::beast::tcp_stream(std::move(socket))),
        answered_(shared_->context) {
    answered_.expires_at(net::steady_timer::time_point::max());
    error_code ignored;
    stream_.next().socket().set_option(net::ip::tcp::no_delay(true), ignored);
    keep_alive(stream_.next().socket().native_handle(), shared_->options.liveness);
    stream_.next().socket().non_blocking(true, ignored);
  }

  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection() override { hold(0); }

  void close() override {
    gone_ = true;
    answered_.cancel();
    stream_.next().close();
  }

  net::awaitable<void> serve() {
    const bool greeted = co_await greet(shared_->options.header_time);
    if (!greeted) co_return;
    for (;;) {
      const bool more = co_await serve_one();
      if (!more) co_return;
    }
  }

  net::awaitable<void> refuse() {
    const bool greeted = co_await greet(kLinger);
    if (!greeted) co_return;
    stream_.next().expires_after(kLinger);
    Reply reply = error_reply(503, "too many connections");
    co_await send(std::move(reply), nullptr, false);
    co_await linger();
  }

 private:
  // One request and its answer; false when the connection is over.
  net::awaitable<bool> serve_one() {
    if (buffer_.size() == 0) {
      const error_code silent = co_await first_bytes();
      if (silent) co_return turn_out(silent);
    }
    stream_.next().expires_after(shared_->options.header_time);
    Parser parser;
    parser.header_limit(shared_->options.max_header);
    parser.body_limit(shared_->options.max_body);
    error_code fault;
    co_await http::async_read_header(stream_, buffer_, parser, net::redirect_error(use_awaitable, fault));
    if (fault) co_return co_await give_up(fault);

    auto routed = route(head_of(parser), shared_->options.tokens);
    if (auto* refusal = std::get_if<Reply>(&routed)) {
      const bool whole = parser.is_done();  // its body is not waited for
      co_await send(std::move(*refusal), &parser, whole && parser.keep_alive());
      if (!whole) co_await linger();
      co_return whole&& parser.keep_alive();
    }
    if (!parser.is_done()) {
      co_await read_body(parser, fault);
      if (fault) co_return co_await give_up(fault);
    }
    auto& where = std::get<Route>(routed);
    where.caller.address = peer_;
    auto& body = parser.get().body();
    head_sent_ = false;
    auto reply = co_await answer(std::move(where), std::move(body), parser);
    if (!reply) co_return false;
    const bool keep_alive = parser.keep_alive();
    if (head_sent_) co_return co_await send_rest(std::move(*reply), parser) && keep_alive;
    co_await send(std::move(*reply), &parser, keep_alive);
    hold(0);
    co_return keep_alive;
  }

  // The TLS handshake, if there is to be one; false when the connection is over.
  net::awaitable<bool> greet(std::chrono::seconds patience) {
    const auto& credentials = shared_->options.credentials;
    if (!credentials) co_return true;
    stream_.use_tls(credentials->session(""));
    stream_.next().expires_after(patience);
    error_code fault;
    auto token = net::redirect_error(use_awaitable, fault);
    co_await stream_.async_handshake(net::ssl::stream_base::server, token);
    if (fault == boost::beast::error::timeout) {
      credentials->refused(peer_, "no handshake in time");
    } else if (fault && !gone_ && !SSL_in_before(stream_.session())) {
      credentials->refused(peer_, tls::reason(fault, stream_.session()));
    }
    co_return !fault;
  }

  // Of a request. A new connection is there for one; an old one may rest.
  net::awaitable<error_code> first_bytes() {
    stream_.next().expires_after(serial_ == 0 ? shared_->options.header_time : shared_->options.idle);
    const auto room = buffer_.prepare(2048);
    error_code fault;
    const std::size_t read =
        co_await stream_.async_read_some(room, net::redirect_error(use_awaitable, fault));
    buffer_.commit(read);
    co_return fault;
  }

  // Notes that the client was too slow, unless it is only at rest, or gone. False: the connection is over.
  bool turn_out(const error_code& fault) {
    const bool resting = serial_ > 0 && buffer_.size() == 0;
    if (fault == boost::beast::error::timeout && !resting) {
      shared_->door.expel(Door::Refusal::slow, peer_, "http: no whole request in time");
    }
    return false;
  }

  net::awaitable<void> read_body(Parser& parser, error_code& fault) {
    if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await net::async_write(stream_, net::buffer(kContinue), use_awaitable);
    }
    co_await http::async_read(stream_, buffer_, parser, net::redirect_error(use_awaitable, fault));
  }

  // A request that could not be read: the stream's place in it is lost.
  net::awaitable<bool> give_up(error_code fault) {
    auto reply = fault_reply(fault);
    if (!reply) co_return turn_out(fault);
    shared_->door.expel(Door::Refusal::broken, peer_, "http: " + fault.message());
    co_await send(std::move(*reply), nullptr, false);
    co_await linger();
    co_return false;
  }

  // The view's answer; nothing when the client or the server went away first.
  net::awaitable<std::optional<Reply>> answer(Route route, std::string body, const Parser& request) {
    reply_.reset();
    begun_.reset();
    ask(shared_->view, std::move(route), std::move(body), deliver(++serial_));
    stream_.next().expires_never();
    watch();
    while (!reply_ && !gone_) {
      error_code woken;
      co_await answered_.async_wait(net::redirect_error(use_awaitable, woken));
      const bool early = begun_ && !reply_ && !gone_ && !head_sent_ && request.get().version() >= 11;
      if (early) co_await send_head(request);
    }
    stream_.next().cancel();
    if (gone_) co_return std::nullopt;
    co_return std::move(reply_);
  }

  // Brings the answer of request `serial` to this thread; does nothing when that request is over.
  std::function<void(Reply)> deliver(std::uint64_t serial) {
    return [shared = shared_, self = weak_from_this(), serial](Reply reply) {
      net::post(shared->context, [self, serial, reply = std::move(reply)]() mutable {
        if (const auto alive = self.lock()) alive->take(serial, std::move(reply));
      });
    };
  }

  void take(std::uint64_t serial, Reply reply) {
    if (serial != serial_) return;
    if (reply.status == kBegun) {
      begun_ = std::move(reply.body);
      answered_.cancel();
      return;
    }
    const std::size_t size = reply.body.size();
    if (size > kShort && shared_->unsent > 0 && shared_->unsent + size > shared_->options.max_unsent) {
      reply =
          error_reply(503, "too much waits to be taken by other clients (admin.maxUnsent): ask again later");
    }
    hold(reply.body.size());
    reply_ = std::move(reply);
    answered_.cancel();
  }

  // This client is still to take so many bytes.
  void hold(std::size_t bytes) {
    shared_->unsent += bytes;
    shared_->unsent -= std::exchange(unsent_, bytes);
  }

  // Notices a client that hangs up while it waits. One that sends its next request meanwhile is not watched
  // further.
  void watch() {
    auto on_readable = [self = shared_from_this()](const error_code& fault) {
      if (fault) return;
      std::array<char, 1> byte;
      error_code state;
      self->stream_.next().socket().receive(net::buffer(byte), net::socket_base::message_peek, state);
      if (!state || state == net::error::would_block) return;
      self->gone_ = true;
      self->answered_.cancel();
    };
    stream_.next().socket().async_wait(net::ip::tcp::socket::wait_read, std::move(on_readable));
  }

  // The head of an answer whose body is still to come: who waits for a job learns at once which one it is.
  net::awaitable<void> send_head(const Parser& request) {
    http::response<http::empty_body> head(http::status::ok, 11);
    head.set(http::field::server, "elves-scheduler");
    head.set(http::field::content_type, "application/json");
    head.set(http::field::cache_control, "no-store");
    head.set(http::field::location, "/api/v1/jobs/" + *begun_);
    head.keep_alive(request.keep_alive());
    head.chunked(true);
    head_sent_ = true;
    http::response_serializer<http::empty_body> serializer(head);
    co_await http::async_write_header(stream_, serializer, use_awaitable);
  }

  // The body to it. False when there is none: the client can only be told by an end that comes too early.
  net::awaitable<bool> send_rest(Reply reply, const Parser& request) {
    if (reply.status != 200) co_return false;
    log::debug("http: {} {}: 200", head_of(request).method, head_of(request).target);
    stream_.next().expires_after(shared_->options.idle);
    const auto chunk = http::make_chunk(net::buffer(reply.body));
    co_await net::async_write(stream_, chunk, use_awaitable);
    const auto last = http::make_chunk_last();
    co_await net::async_write(stream_, last, use_awaitable);
    co_return true;
  }

  // `request` is null when none could be read.
  net::awaitable<void> send(Reply reply, const Parser* request, bool keep_alive) {
    http::response<http::string_body> response;
    response.version(request ? request->get().version() : 11);
    response.result(reply.status);
    response.set(http::field::server, "elves-scheduler");
    response.set(http::field::content_type, reply.content_type);
    response.set(http::field::cache_control, "no-store");
    if (!reply.allow.empty()) response.set(http::field::allow, reply.allow);
    if (reply.status == 401) response.set(http::field::www_authenticate, "Bearer");
    response.body() = std::move(reply.body);
    response.keep_alive(keep_alive);
    response.prepare_payload();
    if (request)
      log::debug("http: {} {}: {}", head_of(*request).method, head_of(*request).target, reply.status);

    stream_.next().expires_after(shared_->options.idle);
    http::response_serializer<http::string_body> serializer(response);
    const bool head_only = request && request->get().method() == http::verb::head;
    if (head_only) {
      co_await http::async_write_header(stream_, serializer, use_awaitable);
    } else {
      co_await http::async_write(stream_, serializer, use_awaitable);
    }
  }

  // Reads on for a moment: closing with bytes unread would reset the connection under the answer.
  net::awaitable<void> linger() {
    error_code fault;
    stream_.next().socket().shutdown(net::ip::tcp::socket::shutdown_send, fault);
    stream_.next().expires_after(kLinger);
    std::array<char, 4096> ignored;
    while (!fault) {
      co_await stream_.async_read_some(net::buffer(ignored), net::redirect_error(use_awaitable, fault));
    }
  }

  const std::shared_ptr<Shared> shared_;
  const std::string peer_;
  tls::Stream<boost::beast::tcp_stream> stream_;
  boost::beast::flat_buffer buffer_;
  net::steady_timer answered_;        // never expires; cancelled to wake the waiting coroutine
  std::optional<std::string> begun_;  // the log id of the job that is waited for
  bool head_sent_ = false;
  std::optional<Reply> reply_;
  std::size_t unsent_ = 0;  // its part of Shared::unsent
  std::uint64_t serial_ = 0;
  bool gone_ = false;
};

}  // namespace

namespace {

using Work = net::awaitable<void> (HttpConnection::*)();

std::shared_ptr<Connection> start(const std::shared_ptr<Shared>& shared, net::ip::tcp::socket socket,
                                  Work work, std::function<void()> ended) {
  auto connection = std::make_shared<HttpConnection>(shared, std::move(socket));
  net::co_spawn(
      shared->context, [connection, work] { return (connection.get()->*work)(); },
      // An exception is a client that is gone or too slow: there is nobody to tell.
      [connection, ended = std::move(ended)](const std::exception_ptr&) { ended(); });
  return connection;
}

}  // namespace

std::shared_ptr<Connection> serve(const std::shared_ptr<Shared>& shared, net::ip::tcp::socket socket,
                                  std::function<void()> ended) {
  return start(shared, std::move(socket), &HttpConnection::serve, std::move(ended));
}

std::shared_ptr<Connection> refuse(const std::shared_ptr<Shared>& shared, net::ip::tcp::socket socket,
                                   std::function<void()> ended) {
  return start(shared, std::move(socket), &HttpConnection::refuse, std::move(ended));
}

}  // namespace elves::admin
