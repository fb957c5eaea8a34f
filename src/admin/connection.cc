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
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

#include "admin/routes.h"
#include "base/log.h"

namespace elves::admin {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::use_awaitable;
using Parser = http::request_parser<http::string_body>;

constexpr std::chrono::seconds kLinger{2};  // for a client to read why it was refused

Head head_of(const Parser& parser) {
  const auto& fields = parser.get();
  const auto text = [&fields](http::field name) { return std::string_view(fields[name]); };
  return {.method = fields.method_string(),
          .target = fields.target(),
          .host = text(http::field::host),
          .authorization = text(http::field::authorization),
          .content_type = text(http::field::content_type),
          .origin = text(http::field::origin)};
}

// What to tell a client whose request could not be read; nothing when it is gone or was too slow.
std::optional<Reply> fault_reply(const error_code& fault) {
  if (fault == http::error::header_limit) return error_reply(431, "the request's header is too large");
  if (fault == http::error::body_limit) return error_reply(413, "the request's body is too large");
  const bool broken = fault.category() == http::make_error_code(http::error::bad_method).category();
  if (!broken || fault == http::error::end_of_stream || fault == http::error::partial_message)
    return std::nullopt;
  return error_reply(400, "no HTTP/1 request: " + fault.message());
}

class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<Shared> shared, net::ip::tcp::socket socket)
      : shared_(std::move(shared)),
        peer_(address_of(socket)),
        stream_(std::move(socket)),
        answered_(shared_->context) {
    answered_.expires_at(net::steady_timer::time_point::max());
    error_code ignored;
    stream_.socket().set_option(net::ip::tcp::no_delay(true), ignored);
    stream_.socket().set_option(net::socket_base::keep_alive(true), ignored);
    stream_.socket().non_blocking(true, ignored);
  }

  void close() override {
    gone_ = true;
    answered_.cancel();
    stream_.close();
  }

  net::awaitable<void> serve() {
    for (;;) {
      const bool more = co_await serve_one();
      if (!more) co_return;
    }
  }

  net::awaitable<void> refuse() {
    stream_.expires_after(kLinger);
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
    stream_.expires_after(shared_->options.header_time);
    Parser parser;
    parser.header_limit(shared_->options.max_header);
    parser.body_limit(shared_->options.max_body);
    error_code fault;
    co_await http::async_read_header(stream_, buffer_, parser, net::redirect_error(use_awaitable, fault));
    if (fault) co_return co_await give_up(fault);

    auto routed = route(head_of(parser), shared_->options.token);
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
    auto& body = parser.get().body();
    auto reply = co_await answer(std::move(where), std::move(body));
    if (!reply) co_return false;
    const bool keep_alive = parser.keep_alive();
    co_await send(std::move(*reply), &parser, keep_alive);
    co_return keep_alive;
  }

  // Of a request. A new connection is there for one; an old one may rest.
  net::awaitable<error_code> first_bytes() {
    stream_.expires_after(serial_ == 0 ? shared_->options.header_time : shared_->options.idle);
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
  net::awaitable<std::optional<Reply>> answer(Route route, std::string body) {
    reply_.reset();
    ask(shared_->view, std::move(route), std::move(body), deliver(++serial_));
    stream_.expires_never();
    watch();
    while (!reply_ && !gone_) {
      error_code woken;
      co_await answered_.async_wait(net::redirect_error(use_awaitable, woken));
    }
    stream_.cancel();
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
    reply_ = std::move(reply);
    answered_.cancel();
  }

  // Notices a client that hangs up while it waits. One that sends its next request meanwhile is not watched
  // further.
  void watch() {
    auto on_readable = [self = shared_from_this()](const error_code& fault) {
      if (fault) return;
      std::array<char, 1> byte;
      error_code state;
      self->stream_.socket().receive(net::buffer(byte), net::socket_base::message_peek, state);
      if (!state || state == net::error::would_block) return;
      self->gone_ = true;
      self->answered_.cancel();
    };
    stream_.socket().async_wait(net::ip::tcp::socket::wait_read, std::move(on_readable));
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

    stream_.expires_after(shared_->options.idle);
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
    stream_.socket().shutdown(net::ip::tcp::socket::shutdown_send, fault);
    stream_.expires_after(kLinger);
    std::array<char, 4096> ignored;
    while (!fault) {
      co_await stream_.async_read_some(net::buffer(ignored), net::redirect_error(use_awaitable, fault));
    }
  }

  const std::shared_ptr<Shared> shared_;
  const std::string peer_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  net::steady_timer answered_;  // never expires; cancelled to wake the waiting coroutine
  std::optional<Reply> reply_;
  std::uint64_t serial_ = 0;
  bool gone_ = false;
};

}  // namespace

std::string address_of(const net::ip::tcp::socket& socket) {
  error_code gone;
  const auto address = socket.remote_endpoint(gone).address();
  return gone ? std::string() : address.to_string();
}

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
