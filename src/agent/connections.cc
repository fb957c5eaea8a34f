#include "agent/connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/in_turn.h"
#include "base/log.h"

namespace elves::agent {
namespace asio = boost::asio;
namespace {

constexpr Millis kRest{10};

}  // namespace

// What was seen on the way to a peer, by all of its addresses.
struct Connections::Attempt {
  bool knocked = false;     // as of the channel
  bool unanswered = false;  // likewise

  void add(const wire::Channel& channel) {
    knocked = knocked || channel.knocked();
    unanswered = unanswered || channel.unanswered();
  }
};

Connections::Connections(asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
                         PeerKind kind, const ConnectionOptions& options)
    : loop_(loop),
      timers_(timers),
      clock_(clock),
      metrics_(metrics),
      kind_(kind),
      options_(options),
      resolver_(loop) {}

std::optional<Error> Connections::refuses(const Peer& peer) {
  if (!peer.idle.empty() || !peer.breaker.refuses(options_.breaker, clock_.now())) return std::nullopt;
  return not_tried(peer);
}

ChannelPtr Connections::kept(Peer& to, SteadyTime now) {
  using As = wire::Channel::As;
  while (!to.idle.empty()) {
    auto channel = std::move(to.idle.back().channel);
    const bool rested = now - to.idle.back().since >= kRest;
    to.idle.pop_back();
    if (channel->reusable(rested ? As::now : As::last_looked)) return channel;
  }
  return nullptr;
}

asio::awaitable<Connections::Connection> Connections::connect(Peer& to, Deadline deadline) {
  if (closed_) co_return Error{ErrorCode::send_failed, kClosed};
  if (full()) {
    metrics_.count(kind_.over_connections);
    co_return Error{ErrorCode::overloaded, fmt::format("there are {} connections already", kind_.limit)};
  }
  const auto pass = to.breaker.ask(options_.breaker, clock_.now());
  if (pass == Breaker::Pass::refused) co_return not_tried(to);
  auto channel = std::make_shared<KnownChannel>(all_, loop_, timers_, options_.limits);
  channel->set_liveness(options_.liveness);
  const auto limit = Deadline::after(clock_, time_to_connect(to));
  Attempt attempt;
  auto connected = co_await reach(to, *channel, deadline.sooner(limit), attempt);
  if (connected) {
    reached(to);
    co_return channel;
  }
  const bool cut_short = deadline.at() < limit.at() && deadline.passed(clock_.now());
  if (closed_ || cut_short || !attempt.knocked) {
    to.breaker.spared(pass);
  } else {
    not_reached(to, pass, attempt, connected.error());
  }
  co_return connected.error();
}

Millis Connections::time_to_connect(const Peer& peer) const {
  const auto shorter = patience_ ? patience_(peer.host) : std::nullopt;
  return std::min(options_.out_time, shorter.value_or(options_.out_time));
}

asio::awaitable<Result<void>> Connections::reach(Peer& to, wire::Channel& channel, Deadline deadline,
                                                 Attempt& attempt) {
  const auto try_one = [&](const std::string& address, Deadline share) {
    return dial(to, channel, address, share, attempt);
  };
  const std::string doubtful = to.doubtful ? to.address : "";
  auto connected = co_await connect_in_turn(resolver_, to.host, deadline, try_one, doubtful);
  if (!connected) co_return connected.error();
  to.address = std::move(*connected);
  to.doubtful = false;
  co_return Result<void>();
}

asio::awaitable<Result<void>> Connections::dial(Peer& to, wire::Channel& channel, std::string address,
                                                Deadline deadline, Attempt& attempt) {
  using Mode = TlsOptions::Mode;
  const auto secure = options_.tls;
  if (secure.mode != Mode::off) {
    auto connected = co_await channel.connect(address, secure.port, deadline, secure.credentials, address);
    attempt.add(channel);
    if (connected) to.plain_told = false;
    if (connected || secure.mode == Mode::require || !channel.refused() || closed_) co_return connected;
  }
  const tls::CredentialsPtr none;
  auto connected = co_await channel.connect(address, to.port, deadline, none, address);
  attempt.add(channel);
  if (connected && secure.mode == Mode::prefer) not_secured(to);
  co_return connected;
}

void Connections::not_secured(Peer& peer) {
  metrics_.count(Event::agent_plain);
  if (std::exchange(peer.plain_told, true)) return;
  log::info("{} {}: nobody listens on its TLS port {}, so it is called without TLS (thrift.tls.agents)",
            kind_.name, peer.name, options_.tls.port);
}

void Connections::reached(Peer& peer) {
  if (peer.breaker.reached()) log::info("{} {} is reached again", kind_.name, peer.name);
}

void Connections::heard_from(Peer& peer) {
  if (peer.breaker.reached()) log::info("{} {} was heard from, and is called again", kind_.name, peer.name);
}

void Connections::not_reached(Peer& peer, Breaker::Pass pass, const Attempt& attempt, const Error& error) {
  if (!attempt.unanswered) {
    if (peer.breaker.failed_at_once(clock_.now()))
      log::info("{} {} answers again, but takes no connection: {}", kind_.name, peer.name, error.detail);
    return;
  }
  if (!peer.breaker.unanswered(pass, options_.breaker, clock_.now())) return;
  metrics_.count(kind_.given_up);
  log::warn("{} {}: {} ({})", kind_.name, peer.name, peer.breaker.reason(kind_.name, clock_.now()),
            error.detail);
}

Error Connections::not_tried(const Peer& peer) {
  metrics_.count(kind_.not_tried);
  return {ErrorCode::send_failed, peer.breaker.reason(kind_.name, clock_.now())};
}

void Connections::park(Peer& to, ChannelPtr channel) {
  reached(to);
  if (!closed_ && options_.idle.count() > 0) to.idle.push_back({std::move(channel), clock_.now()});
}

bool Connections::trim(Peer& peer) {
  const auto now = clock_.now();
  std::erase_if(peer.idle,
                [unused = now - options_.idle](const Peer::Idle& idle) { return idle.since <= unused; });
  return peer.idle.empty() && peer.breaker.forgettable(now, options_.idle);
}

void Connections::close() {
  closed_ = true;
  resolver_.cancel();
  for (wire::Channel* channel : *all_) channel->close();
}

}  // namespace elves::agent
