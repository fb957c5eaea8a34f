#include "wire/greeting.h"

#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tls/reason.h"

namespace elves::wire {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kSlices = 10;  // of a second: each has its share, so that none waits for long

void tell(const Connection& connection, tls::Credentials& credentials, const error_code& fault,
          Millis patience) {
  const SSL* session = connection.stream.session();
  if (connection.answered.expiry() <= std::chrono::steady_clock::now()) {
    credentials.refused(connection.peer, fmt::format("no handshake within {} ms", patience.count()));
  } else if (fault != asio::error::operation_aborted && fault != asio::error::bad_descriptor &&
             !SSL_in_before(session)) {
    credentials.refused(connection.peer, tls::reason(fault, session));
  }
}

}  // namespace

asio::awaitable<bool> greet(ConnectionPtr connection, tls::Credentials& credentials, Millis patience) {
  connection->stream.use_tls(credentials.session(""));
  auto& limit = connection->answered;
  limit.expires_after(patience);
  limit.async_wait([connection](const error_code& cancelled) {
    if (!cancelled) connection->close();
  });
  connection->reading = true;
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await connection->stream.async_handshake(asio::ssl::stream_base::server, token);
  if (fault) tell(*connection, credentials, fault, patience);
  limit.expires_at(SteadyTime::max());
  co_return !fault;
}

asio::awaitable<void> Pace::keep(asio::steady_timer& timer) {
  const auto wait_until = begun(std::chrono::steady_clock::now());
  if (!wait_until) co_return;
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  timer.expires_at(*wait_until);
  co_await timer.async_wait(token);
}

std::optional<SteadyTime> Pace::begun(SteadyTime now) {
  if (now >= slice_end_) {
    slice_end_ = now + Millis(1000) / kSlices;
    in_slice_ = 0;
  }
  if (++in_slice_ * kSlices < most_) return std::nullopt;
  return slice_end_;
}

}  // namespace elves::wire
