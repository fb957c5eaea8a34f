#include "broker/link.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

constexpr Millis kLastWords{300};

}  // namespace

Link::Link(std::string name, asio::io_context& loop, BrokerOptions options, MetricsSink& metrics)
    : name_(std::move(name)),
      loop_(loop),
      options_(std::move(options)),
      rounds_(options_.nodes),
      metrics_(metrics),
      timer_(loop) {}

void Link::start() {
  asio::co_spawn(loop_, run(), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

void Link::stop() {
  if (std::exchange(stopping_, true)) return;
  timer_.cancel();
  if (!connection_) return;
  if (!serving_) return connection_->fail(BrokerError("it is not needed any more"));
  timer_.expires_after(kLastWords);
  timer_.async_wait([this](boost::system::error_code fault) {
    if (!fault && connection_) connection_->goodbye();
  });
  leave_if_due();
}

void Link::leave_if_due() {
  if (!stopping_ || !connection_ || !nothing_left_to_say()) return;
  timer_.cancel();
  connection_->goodbye();
}

void Link::wake() {
  if (serving_) connection_->wake();
}

asio::awaitable<void> Link::run() {
  while (!stopping_) {
    try {
      co_await serve_one_connection();
    } catch (const BrokerError& error) {
      if (!stopping_) announce_lost(error);
    }
    if (!stopping_ && rounds_.over()) co_await pause(backoff_.next());
  }
  timer_.cancel();
  connected_ = false;
  place_.clear();
}

asio::awaitable<void> Link::serve_one_connection() {
  connection_ = std::make_shared<Connection>(loop_, options_, rounds_.next());
  std::optional<BrokerError> lost;
  SteadyTime since;
  try {
    co_await connection_->open();
    const Topology topology = co_await declare_topology(*connection_, options_);
    look_over(topology);
    serving_ = true;
    since = std::chrono::steady_clock::now();
    co_await session(*connection_, topology.peers);
  } catch (const BrokerError& error) {
    lost = error;
  }
  const bool served = std::exchange(serving_, false);
  if (served && std::chrono::steady_clock::now() - since >= kGoodAfter) announce_useful();
  std::exchange(connection_, nullptr)->fail(BrokerError("it is over"));
  if (!lost) co_return;
  if (served) on_lost(*lost);
  throw BrokerError(*lost);
}

void Link::announce_connected() {
  trouble_.clear();
  connected_ = true;
  metrics_.count(Event::broker_connected);
  faults_.clear();
  place_ = connection_->place();
  log::info("{}: connected to the broker at {}{}", name_, place_, options_.tls ? " over TLS" : "");
}

void Link::announce_useful() {
  useful_ = true;
  told_.clear();
  backoff_.reset();
}

// Of several nodes one that is away is no news, as long as another one serves.
void Link::announce_lost(const BrokerError& why) {
  if (why.cause() == BrokerError::Cause::tls) metrics_.count(Event::tls_refused);
  troubled_ = true;
  const std::string place = std::exchange(place_, "");
  faults_.insert(place.empty() ? why.what() : fmt::format("{}: {}", place, why.what()));
  trouble_ = fmt::format("{}", fmt::join(faults_, "; "));
  const bool was_connected = std::exchange(connected_, false);
  if (was_connected) metrics_.count(Event::broker_lost);
  if (std::exchange(useful_, false)) rounds_.begin_anew();
  if (!was_connected && !rounds_.over()) return;
  faults_.clear();
  if (std::exchange(told_, trouble_) != trouble_)
    log::warn("{}: {}; trying again until it works", name_, trouble_);
}

asio::awaitable<void> Link::pause(Millis wait) {
  boost::system::error_code stopped;
  auto token = asio::redirect_error(asio::use_awaitable, stopped);
  timer_.expires_after(wait);
  co_await timer_.async_wait(token);
}

}  // namespace elves::broker
