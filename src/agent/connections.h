// Connections to the peers that this process calls: kept from call to call, and a breaker for each peer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/breaker.h"
#include "base/event.h"
#include "base/resolver.h"
#include "base/tcp_liveness.h"
#include "base/timers.h"
#include "tls/credentials.h"
#include "wire/channel.h"
#include "wire/scanner.h"

namespace elves::agent {

struct TlsOptions {
  // prefer: first `port`, then the peer's plain one if nobody listens on that; require: never the plain one.
  enum class Mode : std::uint8_t { off, prefer, require };
  Mode mode = Mode::off;
  std::uint16_t port = 11102;
  tls::CredentialsPtr credentials;  // a client's; needed unless off
};

struct ConnectionOptions {
  Millis out_time{3000};                // to connect
  std::size_t max_connections = 50000;  // to all peers; then calls that need one more are overloaded
  Seconds idle{60};                     // an unused connection is closed after this; 0 = after every call
  BreakerOptions breaker;  // while it is open, calls that need a connection are send_failed at once
  wire::MessageScanner::Limits limits;
  TlsOptions tls;
  TcpLiveness liveness;
};

// Peers of one kind: what people call it, and how it is counted.
struct PeerKind {
  const char* name;
  Event given_up;
  Event not_tried;
  Event over_connections = Event::agent_over_connections;
  const char* limit = "agent.maxConnections";  // the key of ConnectionOptions::max_connections
};

// A connection that Connections knows for as long as there is one.
class KnownChannel final : public wire::Channel {
 public:
  using All = std::shared_ptr<std::unordered_set<wire::Channel*>>;
  KnownChannel(All all, boost::asio::io_context& loop, Timers& timers, wire::MessageScanner::Limits limits)
      : wire::Channel(loop, timers, limits), all_(std::move(all)) {
    all_->insert(this);
  }
  ~KnownChannel() { all_->erase(this); }

 private:
  const All all_;
};
// One call at a time has it.
using ChannelPtr = std::shared_ptr<KnownChannel>;

// One peer, as Connections knows it. It must stay where it is while a call to it is in progress.
struct Peer {
  struct Idle {
    ChannelPtr channel;
    SteadyTime since;
  };
  std::string name;  // for people
  std::string host;  // an IP literal, or a name that is looked up for each connection
  std::uint16_t port = 0;
  std::string address;     // that the last connection went to
  bool doubtful = false;   // a call on that one failed: another address of the name goes first
  std::vector<Idle> idle;  // the last one was used last
  Breaker breaker;
  bool plain_told = false;  // that it has no TLS port, though one is preferred
};

// Loop thread only.
class Connections {
 public:
  using Connection = Result<ChannelPtr>;

  Connections(boost::asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
              PeerKind kind, const ConnectionOptions& options);

  // Why a call to the peer would be in vain (its breaker); counted.
  std::optional<Error> refuses(const Peer& peer);
  // A kept connection, which may be called at once; null when there is none. One that was used within the
  // last 10 ms is believed what the loop has heard of it. Another one is looked at: after a pause of this
  // process its end may not have been heard yet.
  ChannelPtr kept(Peer& to, SteadyTime now);
  // A new one no later than out_time from now and the deadline; of a name with several addresses each is
  // tried, for its share of that time. Errors: send_failed, or overloaded: there are max_connections. After
  // an error of its call() it is of no more use.
  boost::asio::awaitable<Connection> connect(Peer& to, Deadline deadline);
  // A call on a connection ended in an error.
  void failed(Peer& to) { to.doubtful = true; }
  // The peer was seen alive, though not on a connection of these.
  void heard_from(Peer& peer);
  // Keeps the connection for the next call.
  void park(Peer& to, ChannelPtr channel);
  std::size_t count() const { return all_->size(); }  // in use or kept
  bool full() const { return count() >= options_.max_connections; }
  // Closes what was not used for long. Whether nothing is lost if the peer is forgotten.
  bool trim(Peer& peer);

  // Asked before each new connection: how long making it may take when that is less than out_time.
  using Patience = std::function<std::optional<Millis>(const std::string& ip)>;
  void set_patience(Patience patience) { patience_ = std::move(patience); }
  // For connections from now on.
  void set_options(const ConnectionOptions& options) { options_ = options; }
  const ConnectionOptions& options() const { return options_; }
  // Ends every call in progress; there are no connections any more.
  void close();
  bool closed() const { return closed_; }

 private:
  Millis time_to_connect(const Peer& peer) const;
  struct Attempt;
  boost::asio::awaitable<Result<void>> reach(Peer& to, wire::Channel& channel, Deadline deadline,
                                             Attempt& attempt);
  boost::asio::awaitable<Result<void>> dial(Peer& to, wire::Channel& channel, std::string address,
                                            Deadline deadline, Attempt& attempt);
  void not_secured(Peer& peer);
  void reached(Peer& peer);
  void not_reached(Peer& peer, Breaker::Pass pass, const Attempt& attempt, const Error& error);
  Error not_tried(const Peer& peer);

  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  const PeerKind kind_;
  ConnectionOptions options_;
  Patience patience_;
  Resolver resolver_;
  const KnownChannel::All all_ = std::make_shared<KnownChannel::All::element_type>();
  bool closed_ = false;
};

// Why there are no connections any more, for people.
inline constexpr const char* kClosed = "the scheduler is shutting down";

}  // namespace elves::agent
