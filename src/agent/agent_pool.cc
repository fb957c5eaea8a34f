#include "agent/agent_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <iterator>
#include <utility>

#include "base/ip.h"
#include "base/log.h"
#include "base/peer_address.h"
#include "wire/codec.h"

namespace elves::agent {
namespace asio = boost::asio;
namespace {

void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

AgentReply failed(Error error, Millis cost) {
  const bool sent = error.code != ErrorCode::send_failed && error.code != ErrorCode::overloaded;
  return {std::move(error), sent, cost};
}

AgentReply expired() {
  return {Error{ErrorCode::job_timeout, "the deadline passed before the agent was free"}, false, Millis(0)};
}

constexpr PeerKind kAgents{"agent", Event::agent_given_up, Event::agent_not_tried};

// About what the job takes in a message.
std::size_t message_bytes(const Job& job) { return 512 + job.param.size() + job.proxy.size(); }

Millis since(const Clock& clock, SteadyTime start) {
  return std::chrono::duration_cast<Millis>(clock.now() - start);
}

// What the agent made of a call with this one job.
AgentReply reply_to(const Job& job, const std::string& reply, Millis cost) {
  auto result = wire::decode_invoke_sync_reply(reply);
  if (!result) return failed(result.error(), cost);
  if (result->id != job.wire_id())
    return failed({ErrorCode::agent_answer_illegal, "the agent's answer names another job"}, cost);
  return {std::move(result->answer), true, cost};
}

// The answer of the batch that belongs to the job. Cron ids may repeat in one batch, so each is used once.
AgentReply take_answer(std::vector<wire::AgentAnswer>& answers, std::string_view wire_id, Millis cost) {
  const auto at = std::ranges::find(answers, wire_id, &wire::AgentAnswer::id);
  if (at == answers.end())
    return failed({ErrorCode::agent_answer_illegal, "the agent's answer does not name the job"}, cost);
  AgentReply reply{std::move(at->answer), true, cost, at->reported};
  answers.erase(at);
  return reply;
}

}  // namespace

AgentPool::AgentPool(asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
                     const PoolOptions& options)
    : loop_(loop),
      timers_(timers),
      clock_(clock),
      options_(options),
      metrics_(metrics),
      connections_(loop, timers, clock, metrics, kAgents, options.connections) {
  sweep();
}

void AgentPool::set_options(const PoolOptions& options) {
  options_ = options;
  connections_.set_options(options.connections);
}

std::vector<AgentStatus> AgentPool::status() const {
  std::vector<AgentStatus> all;
  all.reserve(agents_.size());
  for (const auto& [ip, one] : agents_) {
    all.push_back({ip, one.running + one.starting, one.waiting_sync.size() + one.waiting_async.size(),
                   one.peer.breaker.failures(), one.peer.breaker.state()});
  }
  return all;
}

void AgentPool::Call::expire() { done(expired()); }

AgentPool::Agent& AgentPool::agent(const std::string& ip) {
  auto known = agents_.find(ip);
  if (known == agents_.end()) {
    const auto address = IpAddress::parse(ip);
    const std::string name = address ? address->text() : ip;  // however it is spelled
    known = agents_.try_emplace(name, waiting_).first;
    known->second.peer.name = known->second.peer.host = name;
  }
  known->second.peer.port = options_.port;
  return known->second;
}

void AgentPool::heard_from(const std::string& address) {
  const auto known = agents_.find(address);
  if (known != agents_.end()) connections_.heard_from(known->second.peer);
}

void AgentPool::run(JobPtr job, Deadline deadline, OnAgentReply done) {
  Agent& to = agent(job->agent_ip);
  if (enqueue(to, to.waiting_sync, {std::move(job), deadline, std::move(done)})) run_waiting(to);
}

void AgentPool::start(JobPtr job, Deadline deadline, OnAgentReply done) {
  Agent& to = agent(job->agent_ip);
  if (!enqueue(to, to.waiting_async, {std::move(job), deadline, std::move(done)})) return;
  if (std::exchange(to.lane_async, true)) return;
  // Posted, so that what is ready in the same turn of the loop is there when the first batch is taken.
  asio::post(loop_, [this, &to] { asio::co_spawn(loop_, async_lane(to), rethrow); });
}

bool AgentPool::enqueue(Agent& to, Line<Call>& line, Call call) {
  const bool closed = connections_.closed();
  const bool many = line.size() >= options_.max_waiting;
  if (closed || many || waiting_ >= options_.max_waiting_total) {
    if (!closed) metrics_.count(Event::job_over_queued);
    const char* const limit = many ? "agent.maxWaiting jobs wait for this agent"
                                   : "agent.maxWaitingTotal jobs wait for their agents";
    refuse(std::move(call.done), {ErrorCode::overloaded, closed ? kClosed : limit});
    return false;
  }
  if (auto why = connections_.refuses(to.peer)) {
    refuse(std::move(call.done), std::move(*why));
    return false;
  }
  const bool taken_at_once = &line == &to.waiting_sync && line.empty() && to.running < options_.max_in_flight;
  if (taken_at_once) {
    line.push(std::move(call));
  } else {
    line.push(std::move(call), timers_);
  }
  return true;
}

void AgentPool::refuse(OnAgentReply done, Error why) {
  asio::post(loop_, [done = std::move(done), why = std::move(why)] { done(failed(why, Millis(0))); });
}

// At least one, and no more than make a message of about half the size that agents take.
std::vector<AgentPool::Call> AgentPool::take_batch(Line<Call>& line) {
  std::vector<Call> taken;
  std::size_t bytes = 0;
  while (!line.empty() && taken.size() < options_.max_batch) {
    bytes += message_bytes(*line.front().job);
    if (!taken.empty() && bytes > options_.connections.limits.max_bytes / 2) break;
    taken.push_back(line.take());
  }
  return taken;
}

asio::awaitable<Connections::Connection> AgentPool::connect(Agent& to, Deadline deadline) {
  if (connections_.full()) make_room();
  return connections_.connect(to.peer, deadline);
}

// Closes the connections that some agent does not use, if any does not.
void AgentPool::make_room() {
  const auto spare =
      std::ranges::find_if(agents_, [](const auto& one) { return !one.second.peer.idle.empty(); });
  if (spare != agents_.end()) spare->second.peer.idle.clear();
}

void AgentPool::run_waiting(Agent& to) {
  while (!to.waiting_sync.empty() && to.running < options_.max_in_flight) begin(to, to.waiting_sync.take());
}

void AgentPool::begin(Agent& to, Call call) {
  ++to.running;
  const auto begun = clock_.now();
  if (auto channel = connections_.kept(to.peer, begun)) {
    make(to, std::move(channel), std::move(call), begun);
  } else {
    asio::co_spawn(loop_, connect_and_make(to, std::move(call), begun), rethrow);
  }
}

asio::awaitable<void> AgentPool::connect_and_make(Agent& to, Call call, SteadyTime begun) {
  auto channel = co_await connect(to, call.deadline);
  if (!channel) co_return end_later(to, std::move(call), failed(channel.error(), since(clock_, begun)));
  make(to, std::move(*channel), std::move(call), begun);
}

void AgentPool::make(Agent& to, ChannelPtr channel, Call call, SteadyTime begun) {
  if (call.deadline.passed(clock_.now())) {
    connections_.park(to.peer, std::move(channel));
    return end_later(to, std::move(call), expired());
  }
  wire::Channel& line = *channel;
  const auto deadline = call.deadline;
  auto message = wire::encode_invoke_sync(*call.job);
  line.call(std::move(message), deadline,
            [this, &to, channel = std::move(channel), call = std::move(call),
             begun](const Result<std::string>& reply) mutable {
              const auto cost = since(clock_, begun);
              if (!reply) {
                auto why = explained(to, *channel, reply.error());
                channel.reset();  // one that failed does not count any more
                return end(to, call, failed(std::move(why), cost));
              }
              answered(to, std::move(channel));
              end(to, call, reply_to(*call.job, *reply, cost));
            });
}

void AgentPool::answered(Agent& to, ChannelPtr channel) {
  to.answers = true;
  to.told_of_silence = false;
  connections_.park(to.peer, std::move(channel));
}

// An agent with a list of those who may call it closes the connections of others without a word.
Error AgentPool::explained(Agent& to, const wire::Channel& channel, Error error) {
  if (!channel.hung_up() || to.answers) return error;
  const auto own = own_address_towards(to.peer.host);
  error.detail += fmt::format(
      " without a word: it may not take calls from this scheduler, {} (authips in the cfg.json of the agent)",
      own.empty() ? "whatever its address there is" : own);
  if (!std::exchange(to.told_of_silence, true)) {
    log::warn(
        "agent {}: it closes connections without a word. If it has a list of those who may call it "
        "(authips in its cfg.json), {} has to be on it",
        to.peer.name, own.empty() ? "this scheduler" : own);
  }
  return error;
}

// Not within run(), nor, when many jobs wait in vain, each within the one before it.
void AgentPool::end_later(Agent& to, Call call, AgentReply reply) {
  asio::post(loop_, [this, &to, call = std::move(call), reply = std::move(reply)] { end(to, call, reply); });
}

void AgentPool::end(Agent& to, const Call& call, AgentReply reply) {
  call.done(std::move(reply));
  --to.running;
  run_waiting(to);
}

asio::awaitable<void> AgentPool::async_lane(Agent& to) {
  while (!to.waiting_async.empty()) {
    auto batch = take_batch(to.waiting_async);
    to.starting = batch.size();
    co_await start_batch(to, std::move(batch));
    to.starting = 0;
  }
  to.lane_async = false;
}

asio::awaitable<void> AgentPool::start_batch(Agent& to, std::vector<Call> batch) {
  const auto begun = clock_.now();
  const auto fail_all = [&](const Error& error) {
    for (const Call& call : batch) call.done(failed(error, since(clock_, begun)));
  };
  Connections::Connection channel = connections_.kept(to.peer, begun);
  if (!*channel) channel = co_await connect(to, Deadline(SteadyTime::max()));
  if (!channel) co_return fail_all(channel.error());
  std::vector<JobPtr> jobs;
  std::ranges::transform(batch, std::back_inserter(jobs), &Call::job);
  auto message = wire::encode_invoke_async(jobs);
  const auto confirm_by = Deadline::after(clock_, options_.connections.out_time);
  auto reply = co_await (*channel)->call(std::move(message), confirm_by);
  if (!reply) {
    Error error = explained(to, **channel, reply.error());
    if (error.code == ErrorCode::job_timeout) {
      error = {ErrorCode::outcome_unknown,
               fmt::format("the agent did not confirm within {} ms", options_.connections.out_time.count())};
    }
    co_return fail_all(error);
  }
  answered(to, std::move(*channel));
  auto answers = wire::decode_invoke_async_reply(*reply);
  if (!answers) co_return fail_all(answers.error());
  const auto cost = since(clock_, begun);
  for (const Call& call : batch) call.done(take_answer(*answers, call.job->wire_id(), cost));
}

// Closes what was not used for long and forgets agents that nothing is left of.
void AgentPool::sweep() {
  for (auto at = agents_.begin(); at != agents_.end();) {
    Agent& one = at->second;
    const bool quiet = connections_.trim(one.peer) && one.running == 0 && !one.lane_async;
    at = quiet ? agents_.erase(at) : std::next(at);
  }
  const auto pause = std::max<Millis>(options_.connections.idle / 2, Millis(500));
  timers_.set(sweeper_, Deadline::after(clock_, pause), [this] { sweep(); });
}

void AgentPool::close() {
  sweeper_.cancel();
  connections_.close();
  for (auto& [ip, one] : agents_) {
    one.peer.idle.clear();
    for (auto* line : {&one.waiting_sync, &one.waiting_async}) {
      while (!line->empty()) refuse(line->take().done, {ErrorCode::overloaded, kClosed});
    }
  }
}

}  // namespace elves::agent
