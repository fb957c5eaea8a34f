#include "wire/channel.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <utility>

#include "tls/reason.h"

namespace elves::wire {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// What the system says when nothing came back.
bool is_silence(const error_code& fault) {
  return fault == asio::error::timed_out || fault == asio::error::host_unreachable;
}

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

// A call that did not go out, or whose answer did not come, in one piece.
struct Channel::Exchange {
  Exchange(MessageScanner::Limits limits, Answered called)
      : answered(std::move(called)), inbox(limits, Inbox::Framing::none) {}

  Answered answered;
  Inbox inbox;
  std::string message;
  std::size_t written = 0;
};

Channel::Channel(asio::io_context& loop, Timers& timers, MessageScanner::Limits limits)
    : socket_(loop), stream_(tcp::socket(loop)), timers_(timers), limits_(limits) {}

asio::awaitable<Result<void>> Channel::connect(std::string host, unsigned short port, Deadline deadline,
                                               tls::CredentialsPtr credentials, std::string name) {
  const auto budget = std::chrono::ceil<Millis>(deadline.at() - std::chrono::steady_clock::now());
  close();
  stream_.use_plain();
  knocked_ = refused_ = unanswered_ = spoke_ = hung_up_ = false;
  host_ = std::move(host);
  credentials_ = std::move(credentials);
  error_code fault;
  const tcp::endpoint peer(asio::ip::make_address(host_, fault), port);
  if (fault) co_return Error{ErrorCode::send_failed, "not an IP address: " + host_};
  auto& socket = stream_.next();
  socket.open(peer.protocol(), fault);
  if (fault) co_return Error{ErrorCode::send_failed, reason(fault)};

  keep_alive(socket.native_handle(), liveness_);
  bind_source(peer.protocol());
  knocked_ = true;
  arm(deadline);
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await socket.async_connect(peer, token);
  refused_ = fault == asio::error::connection_refused;
  if (!fault) socket.set_option(tcp::no_delay(true), fault);
  if (!fault && credentials_) {
    stream_.use_tls(credentials_->session(name.empty() ? host_ : name));
    co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
  } else if (!fault) {
    const int descriptor = socket.release(fault);
    if (!fault) fault = socket_.adopt(descriptor);
  }
  unanswered_ = timed_out_ || is_silence(fault);
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
  const bool secret = stream_.session() != nullptr;
  const std::size_t written = secret ? 0 : socket_.write_some_now(message);
  if (written == message.size()) return await_answer(std::move(answered));
  auto call = std::make_shared<Exchange>(limits_, std::move(answered));
  call->message = std::move(message);
  call->written = written;
  secret ? write_secret(std::move(call)) : write_rest(std::move(call));
}

void Channel::write_rest(ExchangePtr call) {
  socket_.when_writable([this, call = std::move(call)]() mutable {
    call->written += socket_.write_some_now(std::string_view(call->message).substr(call->written));
    if (call->written == call->message.size()) return await_answer(std::move(call->answered));
    if (!socket_.fault()) return write_rest(std::move(call));
    call->answered(not_written(socket_.fault(), call->written));
  });
}

// Without memory for what may be long in coming.
void Channel::await_answer(Answered answered) {
  socket_.when_readable(
      [this, answered = std::move(answered)]() mutable { read_answer(std::move(answered)); });
}

// Most answers come in one piece.
void Channel::read_answer(Answered answered) {
  Inbox inbox(limits_, Inbox::Framing::none);
  const auto verdict = inbox.scan_with(socket_);
  if (verdict != Inbox::Verdict::more) return answered(answer(inbox, verdict));
  if (socket_.fault()) return answered(no_answer(socket_.fault(), inbox.empty()));
  auto call = std::make_shared<Exchange>(limits_, std::move(answered));
  call->inbox = std::move(inbox);
  read_rest(std::move(call));
}

void Channel::read_rest(ExchangePtr call) {
  socket_.when_readable([this, call = std::move(call)]() mutable {
    const auto verdict = call->inbox.scan_with(socket_);
    if (verdict != Inbox::Verdict::more) return call->answered(answer(call->inbox, verdict));
    if (socket_.fault()) return call->answered(no_answer(socket_.fault(), false));
    read_rest(std::move(call));
  });
}

void Channel::write_secret(ExchangePtr call) {
  const auto all = asio::buffer(call->message);
  asio::async_write(stream_, all,
                    [this, call = std::move(call)](error_code fault, std::size_t written) mutable {
                      if (!fault) {
                        call->message = {};
                        return read_secret(std::move(call));
                      }
                      call->answered(not_written(fault, written));
                    });
}

// Only the stream knows what has come.
void Channel::read_secret(ExchangePtr call) {
  const auto space = call->inbox.space();
  stream_.async_read_some(asio::buffer(space.data(), space.size()),
                          [this, call = std::move(call)](error_code fault, std::size_t read) mutable {
                            if (fault) return call->answered(no_answer(fault, call->inbox.empty()));
                            call->inbox.commit(read);
                            const auto verdict = call->inbox.scan();
                            if (verdict != Inbox::Verdict::more)
                              return call->answered(answer(call->inbox, verdict));
                            read_secret(std::move(call));
                          });
}

Result<std::string> Channel::answer(Inbox& inbox, Inbox::Verdict verdict) {
  if (verdict == Inbox::Verdict::illegal) return fail(ErrorCode::agent_answer_illegal, inbox.fault());
  deadline_.cancel();
  credentials_.reset();
  spoke_ = true;
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
Error Channel::no_answer(const error_code& fault, bool nothing_came) {
  if (nothing_came) note_hang_up(fault);
  if (credentials_ && tls::is_alert(fault)) return not_connected(fault);
  if (!is_silence(fault)) return fail(ErrorCode::outcome_unknown, reason(fault));
  return fail(ErrorCode::outcome_unknown,
              fmt::format("the link is dead: nothing came back from the peer's machine for {} s",
                          liveness_.give_up_after.count()));
}

Error Channel::not_written(const error_code& fault, std::size_t written) {
  note_hang_up(fault);
  return fail(written == 0 ? ErrorCode::send_failed : ErrorCode::outcome_unknown, reason(fault));
}

void Channel::note_hang_up(const error_code& fault) {
  hung_up_ = !spoke_ && (fault == asio::error::eof || fault == asio::error::connection_reset ||
                         fault == asio::error::broken_pipe);
}

bool Channel::reusable(As as) {
  if (stream_.session()) {
    auto& socket = stream_.next();
    return socket.is_open() && !stream_.has_buffered() && !something_at(socket.native_handle());
  }
  if (!socket_.is_open() || socket_.has_something()) return false;
  return as == As::last_looked || !something_at(socket_.descriptor());
}

void Channel::close() {
  deadline_.cancel();
  socket_.close();
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
