// Calls apps' processors, all on the loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "agent/connections.h"
#include "agent/line.h"
#include "base/host_port.h"
#include "base/timers.h"
#include "dispatch/ports.h"

namespace elves::agent {

struct ProcessorPoolOptions {
  Millis timeout{10000};            // for a call, from notify() to its answer
  std::size_t max_in_flight = 32;   // calls to one app's processor at a time
  std::size_t max_waiting = 20000;  // that wait for one; further ones fail
  ConnectionOptions connections;
};

// Loop thread only. Results for one app leave in the order they came.
class ProcessorPool final : public ProcessorClient {
 public:
  // Where the app's processor is now, or the error that says why nobody knows; nullopt: not known yet, the
  // call waits and asks again. Asked before every call.
  using Lookup = std::function<std::optional<Result<HostPort>>(const std::string& app)>;

  ProcessorPool(boost::asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
                Lookup lookup, const ProcessorPoolOptions& options);

  // Any text that runProcessor answers is `ok`.
  void notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) override;

  // For calls from now on.
  void set_options(const ProcessorPoolOptions& options);
  // Calls in progress fail, and so do all from now on. Nothing is heard of those that still wait.
  void close();

 private:
  struct Call {
    JobPtr job;
    WorkerAnswer answer;
    Deadline deadline;
    Leaving leaving;
    Done done;

    void expire();
  };
  struct Processor {
    std::shared_ptr<Peer> peer;  // another one when its address has changed
    Line<Call> waiting;
    std::size_t lanes = 0;
  };
  // Where a call waits for the word that it may be made.
  struct Gate {
    explicit Gate(boost::asio::io_context& loop) : opened(loop, SteadyTime::max()) {}
    boost::asio::steady_timer opened;  // never expires; cancelled when there is a word, or will be none
    std::optional<Result<void>> word;
  };

  const std::shared_ptr<Peer>& peer_at(const HostPort& address, const std::string& app, Processor& processor);
  boost::asio::awaitable<void> lane(Processor& processor);
  boost::asio::awaitable<void> run_one(Processor& processor, Call& call);
  boost::asio::awaitable<Result<void>> make(Processor& processor, Call& call);
  boost::asio::awaitable<Result<HostPort>> address_for(const Call& call);
  boost::asio::awaitable<Result<void>> may_leave(Call& call);
  boost::asio::awaitable<Result<void>> send(Peer& peer, ChannelPtr channel, Call& call);
  void refuse(Done done, Error why);
  void sweep();

  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  const Lookup lookup_;
  ProcessorPoolOptions options_;
  Connections connections_;
  std::unordered_map<std::string, Processor> processors_;  // by app
  std::unordered_set<Gate*> gates_;
  Timer sweeper_;
};

}  // namespace elves::agent
