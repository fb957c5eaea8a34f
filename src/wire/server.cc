#include "wire/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <exception>
#include <list>
#include <utility>

#include "base/log.h"
#include "base/peer_address.h"
#include "wire/connection.h"
#include "wire/greeting.h"

namespace elves::wire {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Millis accept_pause{100};  // after a failure to accept, such as no file descriptor left

}  // namespace

struct Server::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, ServerLimits max, Door& entrance, Handler answer, tls::CredentialsPtr shown)
      : loop(io),
        limits(max),
        door(entrance),
        handler(std::move(answer)),
        credentials(std::move(shown)),
        pace(max.max_handshakes),
        acceptor(io),
        pause(io),
        sweep(io) {}

  void listen(const std::string& host, unsigned short port);
  asio::awaitable<void> accept_all();
  bool admit(tcp::socket socket);
  void forget(const ConnectionPtr& connection, const std::exception_ptr& failure);

  asio::awaitable<void> serve(ConnectionPtr connection);
  asio::awaitable<bool> receive(Connection& connection);
  asio::awaitable<void> ask(ConnectionPtr connection);
  asio::awaitable<bool> send(Connection& connection);

  using Connections = std::list<ConnectionPtr>;
  void await_peer(Connection& connection);
  void await_handler(Connection& connection);
  static void move(Connection& connection, Connections& to);
  void arm_sweep();
  void close_expired(Connections& list);
  void stop();

  asio::io_context& loop;
  const ServerLimits limits;
  Door& door;
  Handler handler;
  const tls::CredentialsPtr credentials;  // null: plain
  Pace pace;                              // of handshakes
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  asio::steady_timer sweep;
  bool stopping = false;
  SteadyTime sweep_at = SteadyTime::max();
  Connections fresh;    // whose first call has not come yet, soonest to expire first
  Connections waiting;  // for their peers, likewise
  Connections working;  // in the handler
};

void Server::State::listen(const std::string& host, unsigned short port) {
  const tcp::endpoint endpoint(asio::ip::make_address(host), port);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen();
}

asio::awaitable<void> Server::State::accept_all() {
  bool complained = false;
  while (!stopping) {
    tcp::socket socket(loop);
    error_code fault;
    auto token = asio::redirect_error(asio::use_awaitable, fault);
    co_await acceptor.async_accept(socket, token);
    if (stopping) co_return;
    if (!fault) {
      complained = false;
      const bool admitted = admit(std::move(socket));
      if (admitted && credentials) co_await pace.keep(pause);
      continue;
    }
    if (!std::exchange(complained, true)) log::warn("cannot accept connections for now: {}", fault.message());
    pause.expires_after(accept_pause);
    co_await pause.async_wait(token);
  }
}

// False when it gets no place.
bool Server::State::admit(tcp::socket socket) {
  auto admission = door.enter(address_of(socket));
  if (!admission) return false;
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  keep_alive(socket.native_handle(), limits.liveness);
  const auto connection = std::make_shared<Connection>(std::move(socket), limits.message);
  connection->admission = std::move(admission);
  connection->among = &fresh;
  connection->place = fresh.insert(fresh.end(), connection);
  connection->expires = std::chrono::steady_clock::now() + limits.first;
  arm_sweep();
  auto over = [self = shared_from_this(), connection](const std::exception_ptr& failure) {
    self->forget(connection, failure);
  };
  asio::co_spawn(loop, serve(connection), std::move(over));
  return true;
}

void Server::State::forget(const ConnectionPtr& connection, const std::exception_ptr& failure) {
  connection->close();
  connection->among->erase(connection->place);
  if (fresh.empty() && waiting.empty()) {
    sweep.cancel();
    sweep_at = SteadyTime::max();
  }
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& fault) {
    log::error("{}: connection failed: {}", connection->peer, fault.what());
  }
}

asio::awaitable<void> Server::State::serve(ConnectionPtr connection) {
  if (credentials) {
    const bool greeted = co_await greet(connection, *credentials, limits.handshake);
    if (!greeted) co_return;
  }
  while (!stopping) {
    const bool whole = co_await receive(*connection);
    if (!whole || stopping) co_return;
    co_await ask(connection);
    const bool sent = co_await send(*connection);
    if (!sent) co_return;
  }
}

// Reads until a whole call is there; false when the connection is over.
asio::awaitable<bool> Server::State::receive(Connection& connection) {
  auto& inbox = connection.inbox;
  await_peer(connection);
  connection.reading = true;
  auto verdict = inbox.scan();
  while (verdict == Inbox::Verdict::more) {
    const bool first = inbox.empty();
    const auto space = inbox.space();
    const auto into = asio::buffer(space.data(), space.size());
    error_code fault;
    auto token = asio::redirect_error(asio::use_awaitable, fault);
    const std::size_t read = co_await connection.stream.async_read_some(into, token);
    if (fault) co_return false;
    if (first) await_peer(connection);
    inbox.commit(read);
    verdict = inbox.scan_with(connection.stream);
  }
  connection.reading = false;
  if (verdict == Inbox::Verdict::whole) co_return true;
  door.expel(Door::Refusal::broken, connection.peer, fmt::format("not a Thrift call: {}", inbox.fault()));
  co_return false;
}

// Has the handler answer the call in the inbox.
asio::awaitable<void> Server::State::ask(ConnectionPtr connection) {
  await_handler(*connection);
  connection->answer.reset();
  {
    const auto reply = std::make_shared<Reply>(connection);
    handler(connection->inbox.take(), connection->peer,
            [reply](std::string answer) { reply->give(std::move(answer)); });
  }
  if (connection->answer) co_return;
  error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  co_await connection->answered.async_wait(token);
}

// Sends the answer; false when the connection is over.
asio::awaitable<bool> Server::State::send(Connection& connection) {
  const auto answer = std::exchange(connection.answer, {}).value_or("");
  if (answer.empty()) co_return false;
  await_peer(connection);
  const auto size = static_cast<std::uint32_t>(answer.size());
  const std::array<std::uint8_t, 4> length{
      static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
      static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  const std::array<asio::const_buffer, 2> bytes{
      asio::buffer(length.data(), connection.inbox.framed() ? length.size() : 0), asio::buffer(answer)};
  error_code fault;
  auto token = asio::redirect_error(asio::use_awaitable, fault);
  co_await asio::async_write(connection.stream, bytes, token);
  co_return !fault;
}

// From now on the peer has `idle` to get on, unless its first call is still to come.
void Server::State::await_peer(Connection& connection) {
  if (connection.among == &fresh) return;
  connection.expires = std::chrono::steady_clock::now() + limits.idle;
  move(connection, waiting);
  arm_sweep();
}

void Server::State::await_handler(Connection& connection) { move(connection, working); }

void Server::State::move(Connection& connection, Connections& to) {
  to.splice(to.end(), *connection.among, connection.place);
  connection.among = &to;
}

void Server::State::arm_sweep() {
  auto next = SteadyTime::max();
  for (const auto* list : {&fresh, &waiting}) {
    if (!list->empty()) next = std::min(next, list->front()->expires);
  }
  if (next >= sweep_at) return;
  sweep_at = next;
  sweep.expires_at(next);
  sweep.async_wait([weak = weak_from_this()](const error_code& cancelled) {
    const auto self = weak.lock();
    if (!self || cancelled) return;
    self->sweep_at = SteadyTime::max();
    self->close_expired(self->fresh);
    self->close_expired(self->waiting);
    self->arm_sweep();
  });
}

void Server::State::close_expired(Connections& list) {
  const auto now = std::chrono::steady_clock::now();
  while (!list.empty() && list.front()->expires <= now) {
    // It outlives its place in the list. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const auto connection = list.front();
    const bool idle = connection->among == &waiting && connection->reading && connection->inbox.empty();
    if (idle) {
      log::debug("{}: closed, idle", connection->peer);
    } else {
      door.expel(Door::Refusal::slow, connection->peer, "no whole call in time, or its answer not taken");
    }
    connection->close();
    move(*connection, working);  // out of the way until forget() takes it off the list
  }
}

void Server::State::stop() {
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  for (const auto* list : {&fresh, &waiting}) {
    for (const auto& connection : *list) {
      if (connection->reading) connection->close();
    }
  }
}

Server::Server(asio::io_context& loop, const std::string& host, unsigned short port, ServerLimits limits,
               Door& door, Handler handler, tls::CredentialsPtr credentials)
    : state_(std::make_shared<State>(loop, limits, door, std::move(handler), std::move(credentials))) {
  state_->listen(host, port);
  asio::co_spawn(loop, state_->accept_all(), [state = state_](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

Server::~Server() {
  stop();
  for (const auto* list : {&state_->fresh, &state_->waiting, &state_->working}) {
    for (const auto& connection : *list) connection->close();
  }
  state_->sweep.cancel();
}

unsigned short Server::port() const { return state_->acceptor.local_endpoint().port(); }

std::size_t Server::connections() const {
  return state_->fresh.size() + state_->waiting.size() + state_->working.size();
}

void Server::stop() { state_->stop(); }

}  // namespace elves::wire
