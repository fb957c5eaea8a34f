#include "agent/agent_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <iterator>
#include <utility>

#include "base/log.h"
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

constexpr const char* kClosed = "the scheduler is shutting down";

AgentReply expired() {
  return {Error{ErrorCode::job_timeout, "the deadline passed before the agent was free"}, false, Millis(0)};
}

// About what the job takes in a message.
std::size_t message_bytes(const Job& job) { return 512 + job.param.size() + job.proxy.size(); }

Millis since(const Clock& clock, SteadyTime start) {
  return std::chrono::duration_cast<Millis>(clock.now() - start);
}

// The answer of the batch that belongs to the job. Cron ids may repeat in one batch, so each is used once.
AgentReply take_answer(std::vector<AgentResult>& answers, const std::string& wire_id, Millis cost) {
  const auto at = std::ranges::find(answers, wire_id, &AgentResult::id);
  if (at == answers.end())
    return failed({ErrorCode::agent_answer_illegal, "the agent's answer does not name the job"}, cost);
  AgentReply reply{std::move(at->answer), true, cost, at->reported};
  answers.erase(at);
  return reply;
}

}  // namespace

AgentPool::AgentPool(asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
                     const PoolOptions& options)
    : loop_(loop), timers_(timers), clock_(clock), metrics_(metrics), options_(options) {
  sweep();
}

AgentPool::Agent& AgentPool::agent(const std::string& ip) {
  Agent& found = agents_[ip];
  if (found.ip.empty()) found.ip = ip;
  return found;
}

void AgentPool::run(JobPtr job, Deadline deadline, OnAgentReply done) {
  Agent& to = agent(job->agent_ip);
  if (!enqueue(to, to.waiting_sync, std::move(job), deadline, std::move(done))) return;
  if (to.lanes_sync >= options_.max_in_flight) return;
  ++to.lanes_sync;
  asio::co_spawn(loop_, sync_lane(to), rethrow);
}

void AgentPool::start(JobPtr job, Deadline deadline, OnAgentReply done) {
  Agent& to = agent(job->agent_ip);
  if (!enqueue(to, to.waiting_async, std::move(job), deadline, std::move(done))) return;
  if (std::exchange(to.lane_async, true)) return;
  // Posted, so that what is ready in the same turn of the loop is there when the first batch is taken.
  asio::post(loop_, [this, &to] { asio::co_spawn(loop_, async_lane(to), rethrow); });
}

bool AgentPool::enqueue(Agent& to, Calls& queue, JobPtr job, Deadline deadline, OnAgentReply done) {
  if (closed_ || queue.size() >= options_.max_waiting) {
    refuse(std::move(done),
           {ErrorCode::overloaded, closed_ ? kClosed : "agent.maxWaiting jobs wait for this agent"});
    return false;
  }
  if (to.idle.empty() && to.breaker.refuses(options_.breaker, clock_.now())) {
    refuse(std::move(done), not_tried(to));
    return false;
  }
  const auto at = queue.emplace(queue.end(), std::move(job), deadline, std::move(done));
  const bool taken_at_once =
      &queue == &to.waiting_sync && queue.size() == 1 && to.lanes_sync < options_.max_in_flight;
  if (taken_at_once) return true;
  timers_.set(at->expiry, deadline, [&queue, at] {
    const auto late = std::move(at->done);
    queue.erase(at);
    late(expired());
  });
  return true;
}

void AgentPool::refuse(OnAgentReply done, Error why) {
  asio::post(loop_, [done = std::move(done), why = std::move(why)] { done(failed(why, Millis(0))); });
}

// At least one, and no more than make a message of about half the size that agents take.
AgentPool::Calls AgentPool::take(Calls& queue, std::size_t most) {
  Calls taken;
  std::size_t bytes = 0;
  while (!queue.empty() && taken.size() < most) {
    bytes += message_bytes(*queue.front().job);
    if (!taken.empty() && bytes > options_.limits.max_bytes / 2) break;
    queue.front().expiry.cancel();
    taken.splice(taken.end(), queue, queue.begin());
  }
  return taken;
}

asio::awaitable<void> AgentPool::sync_lane(Agent& to) {
  while (!to.waiting_sync.empty()) {
    Calls next = take(to.waiting_sync, 1);
    co_await run_one(to, next.front());
  }
  --to.lanes_sync;
}

asio::awaitable<void> AgentPool::run_one(Agent& to, Call& call) {
  const auto begun = clock_.now();
  auto channel = co_await connection(to, call.deadline);
  if (!channel) {
    call.done(failed(channel.error(), since(clock_, begun)));
    co_return;
  }
  if (call.deadline.passed(clock_.now())) {
    park(to, std::move(*channel));
    call.done(expired());
    co_return;
  }
  auto message = wire::encode_invoke_sync(*call.job);
  auto reply = co_await exchange(**channel, std::move(message), call.deadline);
  if (reply) park(to, std::move(*channel));
  const auto cost = since(clock_, begun);
  if (!reply) {
    call.done(failed(reply.error(), cost));
    co_return;
  }
  auto result = wire::decode_invoke_sync_reply(*reply);
  if (!result) {
    call.done(failed(result.error(), cost));
  } else if (result->id != call.job->wire_id()) {
    call.done(failed({ErrorCode::agent_answer_illegal, "the agent's answer names another job"}, cost));
  } else {
    call.done({std::move(result->answer), true, cost});
  }
}

asio::awaitable<void> AgentPool::async_lane(Agent& to) {
  while (!to.waiting_async.empty()) {
    Calls batch = take(to.waiting_async, options_.max_batch);
    co_await start_batch(to, std::move(batch));
  }
  to.lane_async = false;
}

asio::awaitable<void> AgentPool::start_batch(Agent& to, Calls batch) {
  const auto begun = clock_.now();
  const auto fail_all = [&](const Error& error) {
    for (const Call& call : batch) call.done(failed(error, since(clock_, begun)));
  };
  auto channel = co_await connection(to, Deadline(SteadyTime::max()));
  if (!channel) co_return fail_all(channel.error());
  std::vector<JobPtr> jobs;
  std::ranges::transform(batch, std::back_inserter(jobs), &Call::job);
  auto message = wire::encode_invoke_async(jobs);
  const auto confirm_by = Deadline::after(clock_, options_.out_time);
  auto reply = co_await exchange(**channel, std::move(message), confirm_by);
  if (!reply) {
    Error error = reply.error();
    if (error.code == ErrorCode::job_timeout) {
      error = {ErrorCode::outcome_unknown,
               fmt::format("the agent did not confirm within {} ms", options_.out_time.count())};
    }
    co_return fail_all(error);
  }
  park(to, std::move(*channel));
  auto answers = wire::decode_invoke_async_reply(*reply);
  if (!answers) co_return fail_all(answers.error());
  const auto cost = since(clock_, begun);
  for (const Call& call : batch) call.done(take_answer(*answers, call.job->wire_id(), cost));
}

// No later than options_.out_time from now, and no later than the deadline.
asio::awaitable<AgentPool::Connection> AgentPool::connection(Agent& to, Deadline deadline) {
  if (closed_) co_return Error{ErrorCode::send_failed, kClosed};
  while (!to.idle.empty()) {
    auto channel = std::move(to.idle.back().channel);
    to.idle.pop_back();
    if (channel->reusable()) co_return channel;
  }
  const auto pass = to.breaker.ask(options_.breaker, clock_.now());
  if (pass == Breaker::Pass::refused) co_return not_tried(to);
  auto channel = std::make_unique<wire::Channel>(loop_, timers_, options_.limits);
  busy_.insert(channel.get());
  const auto limit = Deadline::after(clock_, options_.out_time);
  auto connected = co_await channel->connect(to.ip, options_.port, deadline.sooner(limit));
  busy_.erase(channel.get());
  if (connected) {
    reached(to);
    co_return channel;
  }
  const bool cut_short = deadline.at() < limit.at() && deadline.passed(clock_.now());
  if (closed_ || cut_short || !channel->knocked()) {
    to.breaker.spared(pass);
  } else {
    not_reached(to, pass, connected.error());
  }
  co_return connected.error();
}

void AgentPool::reached(Agent& agent) {
  if (agent.breaker.reached()) log::info("agent {} is reached again", agent.ip);
}

void AgentPool::not_reached(Agent& agent, Breaker::Pass pass, const Error& error) {
  if (!agent.breaker.failed(pass, options_.breaker, clock_.now())) return;
  metrics_.count(Event::agent_given_up);
  log::warn("agent {}: {} ({})", agent.ip, agent.breaker.reason(clock_.now()), error.detail);
}

Error AgentPool::not_tried(const Agent& agent) {
  metrics_.count(Event::agent_not_tried);
  return {ErrorCode::send_failed, agent.breaker.reason(clock_.now())};
}

asio::awaitable<Result<std::string>> AgentPool::exchange(wire::Channel& channel, std::string message,
                                                         Deadline deadline) {
  busy_.insert(&channel);
  auto reply = co_await channel.call(std::move(message), deadline);
  busy_.erase(&channel);
  co_return reply;
}

void AgentPool::park(Agent& to, std::unique_ptr<wire::Channel> channel) {
  reached(to);
  if (!closed_) to.idle.push_back({std::move(channel), clock_.now()});
}

// Closes what was not used for long and forgets agents that nothing is left of.
void AgentPool::sweep() {
  const auto now = clock_.now();
  const auto unused = now - options_.idle;
  for (auto at = agents_.begin(); at != agents_.end();) {
    Agent& one = at->second;
    std::erase_if(one.idle, [unused](const Idle& idle) { return idle.since <= unused; });
    const bool quiet = one.idle.empty() && one.lanes_sync == 0 && !one.lane_async &&
                       one.breaker.forgettable(now, options_.idle);
    at = quiet ? agents_.erase(at) : std::next(at);
  }
  timers_.set(sweeper_, Deadline::after(clock_, std::max<Millis>(options_.idle / 2, Millis(500))),
              [this] { sweep(); });
}

void AgentPool::close() {
  closed_ = true;
  sweeper_.cancel();
  for (wire::Channel* channel : busy_) channel->close();
  for (auto& [ip, one] : agents_) {
    one.idle.clear();
    for (Calls* queue : {&one.waiting_sync, &one.waiting_async}) {
      for (Call& call : *queue) refuse(std::move(call.done), {ErrorCode::overloaded, kClosed});
      queue->clear();
    }
  }
}

}  // namespace elves::agent
