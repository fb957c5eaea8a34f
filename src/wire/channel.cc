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
  const auto begin = [&](auto resume) {
    const auto shared = std::make_shared<decltype(resume)>(std::move(resume));
    call(std::move(message), deadline, [shared](Result<std::string> reply) { (*shared)(std::move(reply)); });
  };
  auto called = asio::async_initiate<const asio::use_awaitable_t<>, void(Result<std::string>)>(
      begin, asio::use_awaitable);
  auto reply = co_await std::move(called);
  co_return reply;
}

void Channel::call(std::string message, Deadline deadline, Answered answered) {
  arm(deadline);
  const std::size_t written = stream_.write_some_now(message);
  if (written == message.size()) return await_answer(std::move(answered));
  auto whole = std::make_unique<std::string>(std::move(message));
  const auto rest = asio::buffer(*whole) + written;
  asio::async_write(
      stream_, rest,
      [this, written, whole = std::move(whole), answered = std::move(answered)](error_code fault,
                                                                                std::size_t more) mutable {
        if (!fault) return await_answer(std::move(answered));
        const bool none = written + more == 0;
        answered(fail(none ? ErrorCode::send_failed : ErrorCode::outcome_unknown, reason(fault)));
      });
}

// Without memory for what may be long in coming. Over TLS only the stream knows what has come.
void Channel::await_answer(Answered answered) {
  if (stream_.session()) return read_answer(std::move(answered));
  stream_.next().async_wait(tcp::socket::wait_read,
                            [this, answered = std::move(answered)](error_code fault) mutable {
                              if (fault) return answered(no_answer(fault));
                              read_answer(std::move(answered));
                            });
}

// Most answers come in one piece.
void Channel::read_answer(Answered answered) {
  Inbox inbox(limits_, Inbox::Framing::none);
  const auto verdict = inbox.scan_with(stream_);
  if (verdict != Inbox::Verdict::more) return answered(answer(inbox, verdict));
  read_more(std::move(answered), std::make_unique<Inbox>(std::move(inbox)));
}

void Channel::read_more(Answered answered, std::unique_ptr<Inbox> inbox) {
  const auto space = inbox->space();
  stream_.async_read_some(asio::buffer(space.data(), space.size()),
                          [this, answered = std::move(answered), inbox = std::move(inbox)](
                              error_code fault, std::size_t read) mutable {
                            if (fault) return answered(no_answer(fault));
                            inbox->commit(read);
                            const auto verdict = inbox->scan_with(stream_);
                            if (verdict != Inbox::Verdict::more) return answered(answer(*inbox, verdict));
                            read_more(std::move(answered), std::move(inbox));
                          });
}

Result<std::string> Channel::answer(Inbox& inbox, Inbox::Verdict verdict) {
  if (verdict == Inbox::Verdict::illegal) return fail(ErrorCode::agent_answer_illegal, inbox.fault());
  deadline_.cancel();
  credentials_.reset();
  auto reply = inbox.take();
  if (!inbox.empty()) close();
  return reply;
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
