#include "worker/agent.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <utility>

#include "base/log.h"
#include "worker/output.h"

namespace elves::worker {
namespace {

constexpr Millis kLook{20};        // how often leaving is checked
constexpr Seconds kReportTime{5};  // for the last results and answers, once the workers are gone
constexpr std::size_t kMaxToldOff = 1000;

// An IPv4 peer of an IPv6 socket under its IPv4 name.
std::string plain(const std::string& peer) {
  boost::system::error_code fault;
  const auto address = boost::asio::ip::make_address(peer, fault);
  if (fault || !address.is_v6() || !address.to_v6().is_v4_mapped()) return peer;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
}

}  // namespace

Agent::Agent(boost::asio::io_context& loop, const Clock& clock, Timers& timers, AgentConfig config)
    : clock_(clock),
      timers_(timers),
      config_(std::move(config)),
      spool_(SpoolLimits{}),
      runner_(loop, clock, timers, config_.launcher, config_.limits) {
  server_ = std::make_unique<wire::Server>(loop, config_.listen, config_.port, wire::ServerLimits{},
                                           guarded(wire::agent_service_handler(*this)));
  if (config_.scheduler.addr.empty()) return;
  reporter_ = std::make_unique<Reporter>(loop, clock, timers, config_.scheduler, spool_,
                                         [this](const AgentResult& result) { open_.erase(result.exec_id); });
}

wire::Server::Handler Agent::guarded(wire::Server::Handler handler) {
  if (config_.authips.empty()) return handler;
  return [this, handler = std::move(handler)](std::string message, const std::string& peer,
                                              std::function<void(std::string)> reply) {
    if (may_call(peer)) return handler(std::move(message), peer, std::move(reply));
    reply({});
  };
}

bool Agent::may_call(const std::string& peer) {
  const auto name = plain(peer);
  if (config_.authips.contains(name)) return true;
  if (refused_.size() < kMaxToldOff && refused_.insert(name).second) {
    log::warn("{} is not in authips: its calls are refused", name);
  }
  return false;
}

// Why it was not taken, or nothing: then `done` will be called.
std::optional<std::string> Agent::run(const Instruction& ins, Runner::Done done) {
  if (!config_.any_app && !config_.apps.contains(ins.app))
    return fmt::format("app [{}] not installed", ins.app);
  if (ins.mode == "P" || ins.mode == "p") {
    log::debug("job {}: mode P is not supported, the app's processor is not notified", ins.id);
  }
  return runner_.run(ins, std::move(done));
}

void Agent::invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) {
  if (auto why = run(ins, done)) {
    log::debug("job {}: refused: {}", ins.id, *why);
    done(could_not_run(std::move(*why)));
  }
}

std::vector<Acceptance> Agent::invoke_async(std::vector<Instruction> instructions) {
  std::vector<Acceptance> answers;
  answers.reserve(instructions.size());
  for (const auto& ins : instructions) {
    auto why = take(ins);
    if (why) log::debug("job {}: refused: {}", ins.id, *why);
    answers.push_back({.answer = why ? could_not_run(std::move(*why))
                                     : WorkerAnswer{.flag = 1, .costtime = 0, .result = ""},
                       .reported = false});
  }
  return answers;
}

std::optional<std::string> Agent::take(const Instruction& ins) {
  if (!reporter_) return "agent has no scheduler to report to (scheduler.addr)";
  if (!ins.exec_id.empty() && open_.contains(ins.exec_id)) {
    log::debug("job {}: came again, not run again", ins.exec_id);
    return std::nullopt;
  }
  if (spool_.full()) return fmt::format("overloaded: {} results wait for the scheduler", spool_.size());
  auto why = run(ins, [this, ins](WorkerAnswer answer) {
    spool_.push(result_of(ins, std::move(answer)));
    reporter_->wake();
  });
  if (!why && !ins.exec_id.empty()) open_.insert(ins.exec_id);
  return why;
}

void Agent::leave(std::function<void()> left) {
  if (give_up_) return kill_workers();
  log::info("leaving: {} workers running, {} instructions waiting, {} results to report", runner_.running(),
            runner_.waiting(), spool_.size());
  left_ = std::move(left);
  runner_.stop();
  server_->stop();
  give_up_ = Deadline::after(clock_, config_.drain + kReportTime);
  timers_.set(kill_, Deadline::after(clock_, config_.drain), [this] { kill_workers(); });
  timers_.set(look_, Deadline(clock_.now()), [this] { look_whether_done(); });
}

void Agent::kill_workers() {
  if (!runner_.idle()) log::warn("killing {} workers that are still running", runner_.running());
  runner_.kill_all("killed: the agent was stopped");
  give_up_ = give_up_->sooner(Deadline::after(clock_, kReportTime));
}

void Agent::look_whether_done() {
  const bool done = runner_.idle() && spool_.empty() && server_->connections() == 0;
  if (!done && !give_up_->passed(clock_.now())) {
    timers_.set(look_, Deadline::after(clock_, kLook), [this] { look_whether_done(); });
    return;
  }
  if (!spool_.empty()) log::error("{} results could not be reported and are lost", spool_.size());
  kill_.cancel();
  if (reporter_) reporter_->stop();
  server_.reset();
  left_();
}

}  // namespace elves::worker
