// What the consumer's and the publisher's threads have in common: connect, serve until the connection fails,
// back off, again, forever; told once per change of state.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/backoff.h"
#include "broker/connection.h"
#include "dispatch/ports.h"

namespace elves::broker {

class Link {
 public:
  // `name` for the log: "consumer", "publisher".
  Link(std::string name, BrokerOptions options, MetricsSink& metrics);
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Any thread: whether the connection stands and its topology is declared.
  bool connected() const { return connected_; }
  // Any thread: tells the thread to end, which takes it a moment; the destructor waits for it. Two links that
  // are to end are told before the first is waited for.
  void request_stop();
  // Any thread: what is wrong while not connected; "" otherwise. For people.
  std::string trouble() const;

 protected:
  // Starts the thread; call at the end of the final class's constructor.
  void start_thread();
  // Ends the thread: session() must return soon once stopping() is true, else its socket is shut down. Call
  // first in the final class's destructor.
  void stop_thread();

  // One connection's life, on the thread; throws BrokerError when it is over. `connection` has its topology
  // declared; `peers`: the peer exchange is part of it.
  virtual void session(Connection& connection, bool peers) = 0;
  // The connection that session() served is gone; on the thread.
  virtual void on_lost(const BrokerError& why) = 0;
  // Makes poll() on wake_fd() return.
  virtual void wake() = 0;
  virtual int wake_fd() const = 0;

  // Waits until the connection or the mailbox has something, or a share of the heartbeat has passed.
  void wait(const Connection& connection, Millis most) const;
  bool stopping() const { return stopping_; }
  // On the thread: whether a connection has failed or was lost before the present one.
  bool troubled() const { return troubled_; }
  static constexpr Millis kLongestPause{10000};  // between two attempts to connect
  const BrokerOptions& options() const { return options_; }
  MetricsSink& metrics() { return metrics_; }
  // From now on connected() is true.
  void announce_connected();
  // The connection has proved useful: the next loss is told again, and the pauses are short again.
  void announce_useful();

 private:
  void thread_main();
  void serve_one_connection();
  void announce_lost(const std::string& why);
  void pause(Millis wait) const;
  void use_socket(int fd);

  const std::string name_;
  const BrokerOptions options_;
  MetricsSink& metrics_;
  std::atomic<bool> connected_{false};
  bool troubled_ = false;  // the thread's own: some connection failed, or was lost
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  mutable std::mutex trouble_mutex_;
  std::string trouble_ = "not connected yet";
  bool told_ = false;  // the current outage is in the log
  Backoff backoff_{Millis(200), kLongestPause};
  std::mutex socket_mutex_;
  int socket_ = -1;  // of the present connection; under socket_mutex_
  std::thread thread_;
};

}  // namespace elves::broker
