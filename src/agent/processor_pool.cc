#include "agent/processor_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <iterator>
#include <utility>

#include "wire/codec.h"

namespace elves::agent {
namespace asio = boost::asio;
namespace {

// Between two looks for an address that is not known yet.
constexpr Millis kLookAgain{50};

constexpr PeerKind kProcessors{"processor", Event::processor_given_up, Event::processor_not_tried};

void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

// Whatever happened on the way, to the job it is a processor that was not told.
Error failure(Error why) {
  if (why.code != ErrorCode::app_not_found) why.code = ErrorCode::processor_failed;
  return why;
}

Error late() { return {ErrorCode::processor_failed, "processor.timeout passed before it could be called"}; }

}  // namespace

ProcessorPool::ProcessorPool(asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics,
                             Lookup lookup, const ProcessorPoolOptions& options)
    : loop_(loop),
      timers_(timers),
      clock_(clock),
      metrics_(metrics),
      lookup_(std::move(lookup)),
      options_(options),
      connections_(loop, timers, clock, metrics, kProcessors, options.connections) {
  sweep();
}

void ProcessorPool::set_options(const ProcessorPoolOptions& options) {
  options_ = options;
  connections_.set_options(options.connections);
}

void ProcessorPool::Call::expire() { done({false, late(), Millis(0)}); }

void ProcessorPool::notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) {
  if (connections_.closed()) return refuse(std::move(done), {ErrorCode::processor_failed, kClosed});
  const auto address = lookup_(job->app);
  if (address && !*address) return refuse(std::move(done), address->error());
  Processor& to = processors_[job->app];
  auto why = address ? connections_.refuses(*peer_at(**address, job->app, to)) : std::nullopt;
  if (why) return refuse(std::move(done), std::move(*why));
  const bool at_once = to.waiting.empty() && to.lanes < options_.max_in_flight;
  if (!at_once && to.waiting.size() >= options_.max_waiting) {
    metrics_.count(Event::processor_overloaded);
    return refuse(std::move(done), {ErrorCode::processor_failed,
                                    "processor.maxWaiting results wait for the processor of this app"});
  }
  Call call{std::move(job), answer, Deadline::after(clock_, options_.timeout), std::move(leaving),
            std::move(done)};
  to.waiting.push(std::move(call), timers_);
  if (to.lanes >= options_.max_in_flight) return;
  ++to.lanes;
  // Posted, so that nothing ends within this call.
  asio::post(loop_, [this, &to] { asio::co_spawn(loop_, lane(to), rethrow); });
}

void ProcessorPool::refuse(Done done, Error why) {
  asio::post(loop_,
             [done = std::move(done), why = failure(std::move(why))] { done({false, why, Millis(0)}); });
}

// Connections and breaker belong to the address.
const std::shared_ptr<Peer>& ProcessorPool::peer_at(const HostPort& address, const std::string& app,
                                                    Processor& processor) {
  auto& peer = processor.peer;
  if (!peer || peer->host != address.host || peer->port != address.port) {
    peer = std::make_shared<Peer>();
    peer->name = fmt::format("of {} at {}", app, address.text());
    peer->host = address.host;
    peer->port = address.port;
  }
  return peer;
}

asio::awaitable<void> ProcessorPool::lane(Processor& processor) {
  while (!processor.waiting.empty()) {
    Call next = processor.waiting.take();
    co_await run_one(processor, next);
  }
  --processor.lanes;
}

asio::awaitable<void> ProcessorPool::run_one(Processor& processor, Call& call) {
  const auto begun = clock_.now();
  auto made = co_await make(processor, call);
  Stage stage;
  stage.ok = made.has_value();
  if (!made) stage.error = failure(made.error());
  stage.cost = std::chrono::duration_cast<Millis>(clock_.now() - begun);
  call.done(std::move(stage));
}

asio::awaitable<Result<void>> ProcessorPool::make(Processor& processor, Call& call) {
  if (call.deadline.passed(clock_.now())) co_return late();
  const auto address = co_await address_for(call);
  if (!address) co_return address.error();
  const std::shared_ptr<Peer> peer = peer_at(*address, call.job->app, processor);
  Connections::Connection channel = connections_.kept(*peer, clock_.now());
  if (!*channel) channel = co_await connections_.connect(*peer, call.deadline);
  if (!channel) co_return channel.error();
  const auto word = co_await may_leave(call);
  if (!word) {
    connections_.park(*peer, std::move(*channel));
    co_return word.error();
  }
  if (!(*channel)->reusable()) channel = co_await connections_.connect(*peer, call.deadline);
  if (!channel) co_return channel.error();
  auto sent = co_await send(*peer, std::move(*channel), call);
  co_return sent;
}

asio::awaitable<Result<HostPort>> ProcessorPool::address_for(const Call& call) {
  asio::steady_timer pause(loop_);
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  auto address = lookup_(call.job->app);
  while (!address && !connections_.closed() && !call.deadline.passed(clock_.now())) {
    pause.expires_after(kLookAgain);
    co_await pause.async_wait(token);
    address = lookup_(call.job->app);
  }
  if (address) co_return *address;
  if (connections_.closed()) co_return Error{ErrorCode::processor_failed, kClosed};
  co_return Error{ErrorCode::app_not_found, "no processor address known yet for " + call.job->app};
}

asio::awaitable<Result<void>> ProcessorPool::may_leave(Call& call) {
  const auto gate = std::make_shared<Gate>(loop_);
  gates_.insert(gate.get());
  call.leaving([gate](Result<void> word) {
    gate->word = std::move(word);
    gate->opened.cancel();
  });
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  if (!gate->word && !connections_.closed()) co_await gate->opened.async_wait(token);
  gates_.erase(gate.get());
  if (!gate->word) co_return Error{ErrorCode::processor_failed, kClosed};
  co_return *gate->word;
}

asio::awaitable<Result<void>> ProcessorPool::send(Peer& peer, ChannelPtr channel, Call& call) {
  const auto timeout = options_.timeout;
  if (call.deadline.passed(clock_.now())) {
    connections_.park(peer, std::move(channel));
    co_return late();
  }
  auto message = wire::encode_run_processor(*call.job, call.answer);
  auto reply = co_await channel->call(std::move(message), call.deadline);
  if (!reply) connections_.failed(peer);
  if (!reply && reply.error().code == ErrorCode::job_timeout)
    co_return Error{ErrorCode::processor_failed, fmt::format("no answer within {} ms", timeout.count())};
  if (!reply) co_return reply.error();
  connections_.park(peer, std::move(channel));
  const auto answer = wire::decode_string_reply(*reply, "runProcessor");
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

// Closes what was not used for long and forgets processors that nothing is left of.
void ProcessorPool::sweep() {
  for (auto at = processors_.begin(); at != processors_.end();) {
    Processor& one = at->second;
    const bool quiet = (!one.peer || connections_.trim(*one.peer)) && one.lanes == 0;
    at = quiet ? processors_.erase(at) : std::next(at);
  }
  const auto pause = std::max<Millis>(options_.connections.idle / 2, Millis(500));
  timers_.set(sweeper_, Deadline::after(clock_, pause), [this] { sweep(); });
}

void ProcessorPool::close() {
  sweeper_.cancel();
  connections_.close();
  for (Gate* gate : gates_) gate->opened.cancel();
  for (auto& [app, one] : processors_) {
    if (one.peer) one.peer->idle.clear();
    while (!one.waiting.empty()) one.waiting.take();
  }
}

}  // namespace elves::agent
