// What consumer and publisher have in common: connect to a node of the broker, serve until the connection
// fails, try the others, pause when each had its turn, again, forever; told once per change of state.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>

#include "base/backoff.h"
#include "broker/connection.h"
#include "broker/options.h"
#include "broker/rounds.h"
#include "broker/topology.h"
#include "dispatch/ports.h"

namespace elves::broker {

// Loop thread only. The loop has work to do for it from start() until a moment after stop(); it must outlive
// that work.
class Link {
 public:
  // `name` for the log: "consumer", "publisher".
  Link(std::string name, boost::asio::io_context& loop, BrokerOptions options, MetricsSink& metrics);
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  // Says what is left to say, for half a second at most, and goodbye.
  void stop();

  // Whether the connection stands and is in use.
  bool connected() const { return connected_; }
  // What is wrong while not connected; "" otherwise. For people.
  const std::string& trouble() const { return trouble_; }
  // The node that it is connected to, as Connection::place(); "" while it is not.
  const std::string& place() const { return place_; }

 protected:
  // One connection's life until over(), with its topology declared; throws BrokerError when it is lost.
  // `peers`: the peer exchange is part of it.
  virtual boost::asio::awaitable<void> session(Connection& connection, bool peers) = 0;
  // Before session(). Throws BrokerError when it has no use for what is there.
  virtual void look_over(const Topology&) {}
  // The connection that session() served is gone.
  virtual void on_lost(const BrokerError& why) = 0;
  // Whether a connection that is to end may end now.
  virtual bool nothing_left_to_say() const = 0;

  // While session() runs; null otherwise.
  Connection* connection() { return serving_ ? connection_.get() : nullptr; }
  // Has the connection ask its writer, if there is one.
  void wake();
  // Call whenever nothing_left_to_say() may have become true.
  void leave_if_due();
  bool stopping() const { return stopping_; }
  // Whether a connection has failed or was lost before the present one.
  bool troubled() const { return troubled_; }
  static constexpr Millis kLongestPause{10000};  // between two attempts to connect
  static constexpr Millis kGoodAfter = kLongestPause;
  boost::asio::io_context& loop() { return loop_; }
  const BrokerOptions& options() const { return options_; }
  MetricsSink& metrics() { return metrics_; }
  // From now on connected() is true.
  void announce_connected();
  // The connection has proved useful, as one also does that lives for kGoodAfter: the next loss is told
  // again, and the pauses are short again.
  void announce_useful();

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> serve_one_connection();
  boost::asio::awaitable<void> pause(Millis wait);
  void announce_lost(const BrokerError& why);

  const std::string name_;
  boost::asio::io_context& loop_;
  const BrokerOptions options_;
  Rounds rounds_;
  MetricsSink& metrics_;
  boost::asio::steady_timer timer_;  // of the pause, or of the last words
  std::shared_ptr<Connection> connection_;
  bool serving_ = false;
  bool connected_ = false;
  bool useful_ = false;    // the present connection, or the one that was just lost
  bool troubled_ = false;  // some connection failed, or was lost
  bool stopping_ = false;
  std::string place_;
  std::string trouble_ = "not connected yet";
  std::set<std::string> faults_;  // of the nodes that were tried in this round
  std::string told_;              // why the connection was lost, as it is in the log already
  Backoff backoff_{Millis(200), kLongestPause};
};

}  // namespace elves::broker
