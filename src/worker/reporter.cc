#include "worker/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

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

Reporter::Reporter(asio::io_context& loop, const Clock& clock, Timers& timers, SchedulerOptions scheduler,
                   tls::CredentialsPtr credentials, std::string own_ip, ResultSpool& spool)
    : loop_(loop),
      clock_(clock),
      scheduler_(std::move(scheduler)),
      credentials_(std::move(credentials)),
      spool_(spool),
      channel_(loop, timers, kAnswerLimits),
      wait_(loop) {
  channel_.come_from(std::move(own_ip));
  spool_.on_more([this] { wake(); });
  asio::co_spawn(loop_, run(), asio::detached);
}

void Reporter::wake() {
  if (idle_) wait_.cancel();
}

void Reporter::stop() {
  stopped_ = true;
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
  const auto deadline = Deadline::after(clock_, scheduler_.timeout);
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

asio::awaitable<Result<void>> Reporter::connect() {
  auto host = co_await address();
  if (!host) co_return host.error();
  const auto deadline = Deadline::after(clock_, scheduler_.timeout);
  co_return co_await channel_.connect(std::move(*host), scheduler_.port, deadline, credentials_);
}

// The scheduler's IP, looked up again for each connection when a name is configured.
asio::awaitable<Result<std::string>> Reporter::address() {
  error_code fault;
  asio::ip::make_address(scheduler_.addr, fault);
  if (!fault) co_return scheduler_.addr;
  asio::ip::tcp::resolver resolver(loop_);
  const auto found =
      co_await resolver.async_resolve(scheduler_.addr, "", asio::redirect_error(asio::use_awaitable, fault));
  if (fault || found.empty())
    co_return Error{ErrorCode::send_failed, "its name is unknown: " + fault.message()};
  co_return found.begin()->endpoint().address().to_string();
}

asio::awaitable<void> Reporter::pause(Millis wait) {
  error_code ignored;
  wait_.expires_after(wait);
  co_await wait_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void Reporter::failed(const Error& error) {
  if (failures_++ == 0) {
    log::warn("cannot report to the scheduler {}:{}: {}; trying on, {} results waiting", scheduler_.addr,
              scheduler_.port, error.detail, spool_.count());
  }
  if (sent_ && ++refusals_ >= kMaxRefusals) {
    log::warn("job {}: its result was refused {} times; others go first", name_of(spool_.front()), refusals_);
    spool_.put_back();
    refusals_ = 0;
  }
}

void Reporter::delivered() {
  if (failures_ > 0) log::info("reporting to the scheduler {}:{} again", scheduler_.addr, scheduler_.port);
  failures_ = 0;
  refusals_ = 0;
  log::debug("job {}: result is with the scheduler", name_of(spool_.front()));
  spool_.pop(said_repeated_);
}

}  // namespace elves::worker
