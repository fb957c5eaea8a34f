#include "wire/channel.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cerrno>
#include <utility>

#include "tls/reason.h"
#include "wire/inbox.h"

namespace elves::wire {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::string reason(const error_code& fault) {
  if (fault == asio::error::eof || fault == asio::ssl::error::stream_truncated)
    return "connection closed by the peer";
  if (fault == asio::error::operation_aborted || fault == asio::error::bad_descriptor)
    return "connection closed";
  auto text = fault.message();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

Channel::Channel(asio::io_context& loop, Timers& timers, MessageScanner::Limits limits)
    : stream_(tcp::socket(loop)), timers_(timers), limits_(limits) {}

asio::awaitable<Result<void>> Channel::connect(std::string host, unsigned short port, Deadline deadline,
                                               tls::CredentialsPtr credentials) {
  const auto budget = std::chrono::ceil<Millis>(deadline.at() - std::chrono::steady_clock::now());
  close();
  stream_.use_plain();
  knocked_ = refused_ = false;
  host_ = std::move(host);
  credentials_ = std::move(credentials);
  error_code fault;
  const tcp::endpoint peer(asio::ip::make_address(host_, fault), port);
  if (fault) co_return Error{ErrorCode::send_failed, "not an IP address: " + host_};
  auto& socket = stream_.next();
  socket.open(peer.protocol(), fault);
  if (fault) co_return Error{ErrorCode::send_failed, reason(fault)};

  bind_source(peer.protocol());
  knocked_ = true;
  arm(deadline);
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await socket.async_connect(peer, token);
  refused_ = fault == asio::error::connection_refused;
  if (!fault) socket.set_option(tcp::no_delay(true), fault);
  if (!fault && credentials_) {
    stream_.use_tls(credentials_->session(host_));
    co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
  }
  if (timed_out_)
    co_return Error{ErrorCode::send_failed, fmt::format("no answer within {} ms", budget.count())};
  if (fault) co_return not_connected(fault);
  deadline_.cancel();
  co_return Result<void>();
}

Error Channel::not_connected(const error_code& fault) {
  if (!stream_.session()) return fail(ErrorCode::send_failed, reason(fault));
  const auto why = tls::reason(fault, stream_.session());
  if (fault != asio::error::operation_aborted) credentials_->refused(host_, why);
  return fail(ErrorCode::send_failed, "no TLS connection: " + why);
}

asio::awaitable<Result<std::string>> Channel::call(std::string message, Deadline deadline) {
  arm(deadline);
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  std::size_t written = stream_.write_some_now(message);
  if (written < message.size()) {
    const auto rest = asio::buffer(message) + written;
    written += co_await asio::async_write(stream_, rest, token);
  }
  if (fault) {
    co_return fail(written == 0 ? ErrorCode::send_failed : ErrorCode::outcome_unknown, reason(fault));
  }
  message = std::string();

  // Without memory for what may be long in coming. Over TLS only the stream knows what has come.
  if (!stream_.session()) co_await stream_.next().async_wait(tcp::socket::wait_read, token);
  Inbox inbox(limits_, Inbox::Framing::none);
  auto verdict = Inbox::Verdict::more;
  while (verdict == Inbox::Verdict::more && !fault) {
    const auto space = inbox.space();
    std::size_t read = stream_.read_some_now(space);
    if (read == 0) read = co_await stream_.async_read_some(asio::buffer(space.data(), space.size()), token);
    inbox.commit(read);
    verdict = inbox.scan();
  }
  if (fault) co_return no_answer(fault);
  if (verdict == Inbox::Verdict::illegal) co_return fail(ErrorCode::agent_answer_illegal, inbox.fault());
  deadline_.cancel();
  credentials_.reset();
  auto reply = inbox.take();
  if (!inbox.empty()) close();
  co_return reply;
}

// Without a port: which one is free depends on the peer, too, and the system picks it when connecting.
void Channel::bind_source(const tcp& family) {
  error_code fault;
  const tcp::endpoint source(asio::ip::make_address(source_, fault), 0);
  if (fault || source.protocol() != family) return;
  const int later = 1;
  ::setsockopt(stream_.next().native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
  stream_.next().bind(source, fault);
}

// A peer that checks certificates may say no only after this side has begun to send; it has read nothing
// then.
Error Channel::no_answer(const error_code& fault) {
  if (!credentials_ || !tls::is_alert(fault)) return fail(ErrorCode::outcome_unknown, reason(fault));
  return not_connected(fault);
}

bool Channel::reusable() {
  if (!stream_.next().is_open() || stream_.has_buffered()) return false;
  char byte = 0;
  return ::recv(stream_.next().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Channel::close() {
  deadline_.cancel();
  error_code ignored;
  stream_.next().close(ignored);
}

void Channel::arm(Deadline deadline) {
  timed_out_ = false;
  timers_.set(deadline_, deadline, [this] {
    timed_out_ = true;
    close();
  });
}

Error Channel::fail(ErrorCode code, std::string detail) {
  close();
  if (timed_out_) return {ErrorCode::job_timeout, "no whole answer by the deadline"};
  return {code, std::move(detail)};
}

}  // namespace elves::wire
