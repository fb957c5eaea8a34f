// Calls agents over pooled connections, all on the loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/connections.h"
#include "agent/line.h"
#include "base/timers.h"
#include "dispatch/ports.h"
#include "wire/channel.h"

namespace elves::agent {

struct PoolOptions {
  std::uint16_t port = 11101;
  std::size_t max_in_flight = 256;         // synchronous calls to one agent at a time
  std::size_t max_waiting = 20000;         // jobs queued for one agent; further ones are overloaded
  std::size_t max_waiting_total = 100000;  // and for all of them
  std::size_t max_batch = 64;              // asynchronous jobs in one call
  ConnectionOptions connections;  // its out_time is also that of the answer to instructionInvokeAsync
};

// What goes on with one agent.
struct AgentStatus {
  std::string ip;
  std::size_t in_flight = 0;   // jobs in calls that are being made
  std::size_t waiting = 0;     // jobs that wait for their call
  std::uint32_t failures = 0;  // connections in a row that could not be made
  const char* breaker = "";    // Breaker::state()
};

// Loop thread only. An agent is told by its address, however a job spells it. Jobs for one agent are sent in
// the order they came; asynchronous ones that are ready together travel in one call, and one such call is in
// flight per agent at a time.
class AgentPool final : public AgentClient {
 public:
  AgentPool(boost::asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
            const PoolOptions& options);

  void run(JobPtr job, Deadline deadline, OnAgentReply done) override;
  void start(JobPtr job, Deadline deadline, OnAgentReply done) override;

  std::size_t waiting() const { return waiting_; }                  // jobs that wait for an agent
  std::size_t connections() const { return connections_.count(); }  // in use or kept
  std::size_t agents() const { return agents_.size(); }             // that are remembered

  // For calls from now on.
  void set_options(const PoolOptions& options);
  // As Connections::set_patience().
  void set_patience(Connections::Patience patience) { connections_.set_patience(std::move(patience)); }
  // Something came from the agent at this address (its usual spelling): it is called again if it was left
  // alone.
  void heard_from(const std::string& address);
  // Every agent there is something to say about; others were not called lately. In no order.
  std::vector<AgentStatus> status() const;
  // Closes every connection: calls in progress end in outcome_unknown, waiting ones in overloaded, and so do
  // all from now on.
  void close();

 private:
  struct Call {
    JobPtr job;
    Deadline deadline;
    OnAgentReply done;

    void expire();
  };
  struct Agent {
    explicit Agent(std::size_t& waiting) : waiting_sync(&waiting), waiting_async(&waiting) {}
    Peer peer;
    Line<Call> waiting_sync;
    Line<Call> waiting_async;
    std::size_t running = 0;   // synchronous jobs in calls that are being made
    std::size_t starting = 0;  // asynchronous ones
    bool lane_async = false;
    bool answers = false;          // it has answered a call
    bool told_of_silence = false;  // that it closes connections without a word; until it answers
  };

  Agent& agent(const std::string& ip);
  bool enqueue(Agent& agent, Line<Call>& line, Call call);
  void run_waiting(Agent& agent);
  void begin(Agent& agent, Call call);
  boost::asio::awaitable<void> connect_and_make(Agent& agent, Call call, SteadyTime begun);
  void make(Agent& agent, ChannelPtr channel, Call call, SteadyTime begun);
  void answered(Agent& agent, ChannelPtr channel);
  Error explained(Agent& agent, const wire::Channel& channel, Error error);
  void end_later(Agent& agent, Call call, AgentReply reply);
  void end(Agent& agent, const Call& call, AgentReply reply);
  boost::asio::awaitable<void> async_lane(Agent& agent);
  boost::asio::awaitable<void> start_batch(Agent& agent, std::vector<Call> batch);
  boost::asio::awaitable<Connections::Connection> connect(Agent& to, Deadline deadline);
  void make_room();
  void refuse(OnAgentReply done, Error why);
  std::vector<Call> take_batch(Line<Call>& line);
  void sweep();

  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  PoolOptions options_;
  MetricsSink& metrics_;
  Connections connections_;
  std::size_t waiting_ = 0;
  std::unordered_map<std::string, Agent> agents_;
  Timer sweeper_;
};

}  // namespace elves::agent
