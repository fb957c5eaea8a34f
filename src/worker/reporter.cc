#include "worker/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "base/in_turn.h"
#include "base/log.h"
#include "wire/codec.h"

namespace elves::worker {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr unsigned kMaxRefusals = 5;  // then the others get their turn
constexpr wire::MessageScanner::Limits kAnswerLimits{.max_bytes = 64UL * 1024, .max_depth = 16};

const std::string& name_of(const AgentResult& result) {
  return result.exec_id.empty() ? result.id : result.exec_id;
}

Millis some_pause(unsigned failures) {
  static std::minstd_rand random{std::random_device{}()};
  return Millis(std::uniform_int_distribution<Millis::rep>(0, longest_pause(failures).count())(random));
}

}  // namespace

Millis longest_pause(unsigned failures) {
  return std::min(Millis(30000), Millis(200) * (1 << std::min(failures, 10U)));
}

Reporter::Reporter(asio::io_context& loop, const Clock& clock, Timers& timers, SchedulerOptions schedulers,
                   tls::CredentialsPtr credentials, OwnSide own, ResultSpool& spool)
    : loop_(loop),
      clock_(clock),
      timeout_(schedulers.timeout),
      credentials_(std::move(credentials)),
      spool_(spool),
      resolver_(loop),
      channel_(loop, timers, kAnswerLimits),
      wait_(loop) {
  for (auto& at : schedulers.addresses) schedulers_.push_back({.at = std::move(at), .address = ""});
  channel_.come_from(std::move(own.ip));
  channel_.set_liveness(own.liveness);
  spool_.on_more([this] { wake(); });
  asio::co_spawn(loop_, run(), asio::detached);
}

void Reporter::wake() {
  if (idle_) wait_.cancel();
}

void Reporter::stop() {
  stopped_ = true;
  resolver_.cancel();
  channel_.close();
  wait_.cancel();
}

asio::awaitable<void> Reporter::run() {
  while (!stopped_) {
    idle_ = spool_.empty();
    if (idle_) {
      co_await pause(std::chrono::hours(24));
      continue;
    }
    const auto posted = co_await post_oldest();
    if (stopped_) co_return;
    if (posted) {
      this->delivered();
    } else {
      failed(posted.error());
      if (tried_ < schedulers_.size()) continue;
      all_failed();
      const Millis wait = some_pause(failures_ - 1);
      co_await pause(wait);
    }
  }
}

asio::awaitable<Result<void>> Reporter::post_oldest() {
  sent_ = false;
  if (!connected_ || !channel_.reusable()) {
    auto connected = co_await connect();
    connected_ = connected.has_value();
    if (!connected_) co_return connected.error();
  }
  sent_ = true;
  said_repeated_ = spool_.front().may_be_repeat;
  auto message = wire::encode_data_transport(spool_.front());
  const auto deadline = Deadline::after(clock_, timeout_);
  auto reply = co_await channel_.call(std::move(message), deadline);
  connected_ = reply.has_value();
  if (!reply) co_return reply.error();
  auto answer = wire::decode_string_reply(*reply, "dataTransport");
  if (!answer) co_return answer.error();
  if (*answer != "success") {
    co_return Error{ErrorCode::agent_answer_illegal, fmt::format("it answered '{:.100}'", *answer)};
  }
  co_return Result<void>();
}

// The name is looked up again for each connection.
asio::awaitable<Result<void>> Reporter::connect() {
  Scheduler& to = used();
  const auto deadline = Deadline::after(clock_, timeout_);
  const auto try_one = [this, &to](const std::string& address, Deadline share) {
    return channel_.connect(address, to.at.port, share, credentials_, to.at.host);
  };
  const std::string doubtful = to.doubtful ? to.address : "";
  auto connected = co_await connect_in_turn(resolver_, to.at.host, deadline, try_one, doubtful);
  if (!connected) co_return connected.error();
  to.address = std::move(*connected);
  to.doubtful = false;
  co_return Result<void>();
}

asio::awaitable<void> Reporter::pause(Millis wait) {
  error_code ignored;
  wait_.expires_after(wait);
  co_await wait_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Reporter::failed(const Error& error) {
  Scheduler& at = used();
  at.doubtful = sent_;
  const bool named = sent_ && at.address != at.at.host;
  troubles_ += fmt::format("{}{}: {}{}", troubles_.empty() ? "" : "; ", at.at.text(),
                           named ? at.address + ": " : "", error.detail);
  if (sent_ && ++refusals_ >= kMaxRefusals) {
    log::warn("job {}: its result was refused {} times; others go first", name_of(spool_.front()), refusals_);
    spool_.put_back();
    refusals_ = 0;
  }
  connected_ = false;
  ++tried_;
  used_ = (used_ + 1) % schedulers_.size();
}

void Reporter::all_failed() {
  if (failures_++ == 0) {
    log::warn("cannot report to the scheduler {}; trying on, {} results waiting", troubles_, spool_.count());
  }
  tried_ = 0;
  troubles_.clear();
}

void Reporter::delivered() {
  if (failures_ > 0) {
    log::info("reporting to the scheduler {} again", used().at.text());
  } else if (tried_ > 0) {
    log::warn("reporting to the scheduler {} from now on; {}", used().at.text(), troubles_);
  }
  failures_ = 0;
  tried_ = 0;
  troubles_.clear();
  refusals_ = 0;
  log::debug("job {}: result is with the scheduler", name_of(spool_.front()));
  spool_.pop(said_repeated_);
}

}  // namespace elves::worker
