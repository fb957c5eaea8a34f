// Calls agents over pooled connections, all on the loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/breaker.h"
#include "base/timers.h"
#include "dispatch/ports.h"
#include "wire/channel.h"
#include "wire/scanner.h"

namespace elves::agent {

struct PoolOptions {
  std::uint16_t port = 11101;
  Millis out_time{3000};            // to connect, and for the answer to instructionInvokeAsync
  std::size_t max_in_flight = 256;  // synchronous calls to one agent at a time
  std::size_t max_waiting = 20000;  // jobs queued for one agent; further ones are overloaded
  std::size_t max_batch = 64;       // asynchronous jobs in one call
  Seconds idle{60};                 // an unused connection is closed after this
  BreakerOptions breaker;           // while it is open, calls that need a connection are send_failed at once
  wire::MessageScanner::Limits limits;
};

// Loop thread only. Jobs for one agent are sent in the order they came; asynchronous ones that are ready
// together travel in one call, and one such call is in flight per agent at a time.
class AgentPool final : public AgentClient {
 public:
  AgentPool(boost::asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
            const PoolOptions& options);

  void run(JobPtr job, Deadline deadline, OnAgentReply done) override;
  void start(JobPtr job, Deadline deadline, OnAgentReply done) override;

  // For calls from now on.
  void set_options(const PoolOptions& options) { options_ = options; }
  // Closes every connection: calls in progress end in outcome_unknown, waiting ones in overloaded, and so do
  // all from now on.
  void close();

 private:
  struct Call {
    JobPtr job;
    Deadline deadline;
    OnAgentReply done;
    Timer expiry;  // while it waits
  };
  using Calls = std::list<Call>;
  struct Idle {
    std::unique_ptr<wire::Channel> channel;
    SteadyTime since;
  };
  struct Agent {
    std::string ip;
    Calls waiting_sync;
    Calls waiting_async;
    std::size_t lanes_sync = 0;
    bool lane_async = false;
    std::vector<Idle> idle;  // the last one was used last
    Breaker breaker;
  };
  using Connection = Result<std::unique_ptr<wire::Channel>>;

  Agent& agent(const std::string& ip);
  bool enqueue(Agent& agent, Calls& queue, JobPtr job, Deadline deadline, OnAgentReply done);
  boost::asio::awaitable<void> sync_lane(Agent& agent);
  boost::asio::awaitable<void> async_lane(Agent& agent);
  boost::asio::awaitable<void> run_one(Agent& agent, Call& call);
  boost::asio::awaitable<void> start_batch(Agent& agent, Calls batch);
  boost::asio::awaitable<Connection> connection(Agent& agent, Deadline deadline);
  boost::asio::awaitable<Result<std::string>> exchange(wire::Channel& channel, std::string message,
                                                       Deadline deadline);
  void park(Agent& agent, std::unique_ptr<wire::Channel> channel);
  void reached(Agent& agent);
  void not_reached(Agent& agent, Breaker::Pass pass, const Error& error);
  Error not_tried(const Agent& agent);
  void refuse(OnAgentReply done, Error why);
  Calls take(Calls& queue, std::size_t most);
  void sweep();

  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  PoolOptions options_;
  std::unordered_map<std::string, Agent> agents_;
  std::unordered_set<wire::Channel*> busy_;
  Timer sweeper_;
  bool closed_ = false;
};

}  // namespace elves::agent
