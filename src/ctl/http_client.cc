#include "ctl/http_client.h"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cctype>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>

#include "base/in_turn.h"
#include "base/resolver.h"
#include "base/tcp_liveness.h"
#include "ctl/failure.h"
#include "tls/reason.h"
#include "tls/stream.h"

namespace elves::ctl {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using net::use_awaitable;
using Request = http::request<http::string_body>;

constexpr std::chrono::seconds kConnectPatience{5};
constexpr std::uint64_t kMaxBody = 1u << 30;

using Stream = tls::Stream<boost::beast::tcp_stream>;

std::string reason(const boost::system::error_code& fault, std::chrono::seconds patience,
                   const SSL* session) {
  if (fault == boost::beast::error::timeout) return fmt::format("no answer within {} s", patience.count());
  if (fault == http::error::end_of_stream) return "it closed the connection without an answer";
  std::string text = session ? tls::reason(fault, session) : fault.message();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

[[noreturn]] void no_scheduler(const Url& url, const std::string& why) {
  throw Failure(kExitNotDone,
                fmt::format("no scheduler answers at {}: {}; is it running? (--url)", url.text(), why));
}

net::awaitable<void> connect(net::io_context& loop, Stream& stream, const Url& url,
                             const tls::CredentialsPtr& credentials) {
  const auto port = static_cast<unsigned short>(std::stoul(url.port));
  const auto try_one = [&](std::string address, Deadline share) -> net::awaitable<Result<void>> {
    const auto time = std::chrono::ceil<std::chrono::seconds>(share.at() - std::chrono::steady_clock::now());
    boost::system::error_code fault;
    auto token = net::redirect_error(use_awaitable, fault);
    const net::ip::tcp::endpoint to(net::ip::make_address(address), port);
    stream.next().expires_at(share.at());
    co_await stream.next().async_connect(to, token);
    if (fault) {
      stream.next().close();  // the next address may be of the other family
      co_return Error{ErrorCode::send_failed, reason(fault, time, nullptr)};
    }
    keep_alive(stream.next().socket().native_handle(), TcpLiveness());
    co_return Result<void>();
  };
  Resolver resolver(loop);
  const Deadline deadline(std::chrono::steady_clock::now() + kConnectPatience);
  const std::string none;
  const auto connected = co_await connect_in_turn(resolver, url.host, deadline, try_one, none);
  if (!connected) no_scheduler(url, connected.error().detail);
  if (!credentials) co_return;
  stream.next().expires_at(deadline.at());
  stream.use_tls(credentials->session(url.host));
  co_await stream.async_handshake(net::ssl::stream_base::client, use_awaitable);
}

net::awaitable<HttpResponse> exchange(Stream& stream, const Request& request, std::chrono::seconds patience,
                                      const Begun& begun) {
  stream.next().expires_after(patience);
  co_await http::async_write(stream, request, use_awaitable);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxBody);
  co_await http::async_read_header(stream, buffer, parser, use_awaitable);
  if (begun) begun(parser.get()[http::field::location]);
  co_await http::async_read(stream, buffer, parser, use_awaitable);
  co_return HttpResponse{parser.get().result_int(), std::move(parser.get().body())};
}

// Runs `work` to its end on a loop of its own.
template <class Work>
void run(net::io_context& loop, Work work) {
  std::exception_ptr fault;
  net::co_spawn(loop, std::move(work), [&fault](std::exception_ptr thrown) { fault = std::move(thrown); });
  loop.restart();
  loop.run();
  if (fault) std::rethrow_exception(fault);
}

[[noreturn]] void fail_to_connect(const Url& url, const boost::system::error_code& fault,
                                  const SSL* session) {
  const auto why = reason(fault, kConnectPatience, session);
  if (session) {
    throw Failure(kExitNotDone, fmt::format("no TLS connection to {}: {} (--ca, --cert)", url.text(), why));
  }
  no_scheduler(url, why);
}

// Watches for the signals that end a program while `loop` runs.
class SignalWatch {
 public:
  SignalWatch(net::io_context& loop, Stream& stream) : signals_(loop, SIGINT, SIGTERM) {
    signals_.async_wait([this, &stream](const boost::system::error_code& fault, int signal) {
      if (fault) return;
      caught_ = signal;
      stream.next().close();
    });
  }
  void end() { signals_.cancel(); }
  int caught() const { return caught_; }

 private:
  net::signal_set signals_;
  int caught_ = 0;
};

// Ends a watch with its scope, so that the loop has nothing more to wait for.
struct Quiet {
  std::optional<SignalWatch>& watch;
  ~Quiet() {
    if (watch) watch->end();
  }
};

// `begun` is set for what may not be done twice.
HttpResponse send(const Url& url, const Request& request, std::chrono::seconds patience,
                  const tls::CredentialsPtr& credentials, const Begun& begun = nullptr) {
  net::io_context loop(1);
  Stream stream{boost::beast::tcp_stream(loop)};
  try {
    run(loop, [&]() -> net::awaitable<void> { return connect(loop, stream, url, credentials); });
  } catch (const boost::system::system_error& fault) {
    fail_to_connect(url, fault.code(), stream.session());
  }
  std::optional<SignalWatch> watch;
  if (begun) watch.emplace(loop, stream);
  try {
    HttpResponse response;
    run(loop, [&]() -> net::awaitable<void> {
      const Quiet at_the_end{watch};
      response = co_await exchange(stream, request, patience, begun);
    });
    return response;
  } catch (const boost::system::system_error& fault) {
    if (watch && watch->caught() != 0) throw Interrupted{watch->caught()};
    throw Failure(begun ? kExitUnknown : kExitNotDone,
                  fmt::format("{} took the connection, but: {}", url.text(),
                              reason(fault.code(), patience, stream.session())));
  }
}

Request request_to(http::verb method, const Url& url, const std::string& target, const std::string& token) {
  Request request(method, url.path + target, 11);
  request.set(http::field::host, url.authority());
  request.set(http::field::user_agent, "elvesctl/" ELVES_VERSION);
  request.keep_alive(false);
  if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  return request;
}

}  // namespace

HttpClient::HttpClient(Url url, std::string token, const tls::Settings& tls)
    : url_(std::move(url)), token_(std::move(token)) {
  try {
    if (url_.tls) credentials_ = std::make_shared<tls::Credentials>(tls);
  } catch (const tls::Fault& fault) {
    throw Failure(kExitUsage, fault.what());
  }
}

HttpResponse HttpClient::get(const std::string& target, std::chrono::seconds patience) const {
  return send(url_, request_to(http::verb::get, url_, target, token_), patience, credentials_);
}

HttpResponse HttpClient::post(const std::string& target, std::string body, std::chrono::seconds patience,
                              const Begun& begun) const {
  auto request = request_to(http::verb::post, url_, target, token_);
  request.set(http::field::content_type, "application/json");
  request.body() = std::move(body);
  request.prepare_payload();
  return send(url_, request, patience, credentials_, begun);
}

}  // namespace elves::ctl
