#include "worker/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "worker/output.h"

namespace elves::worker {
namespace {

constexpr Millis kLook{20};        // how often leaving is checked
constexpr Seconds kReportTime{5};  // for the last results and answers, once the workers are gone
constexpr DoorKeys kDoorKeys{"authips", "maxconnections", "maxconnectionsperaddress"};

}  // namespace

Agent::Agent(boost::asio::io_context& loop, const Clock& clock, Timers& timers, AgentConfig config,
             const AgentCredentials& credentials, State& state)
    : clock_(clock),
      timers_(timers),
      config_(std::move(config)),
      state_(state),
      spool_(state),
      runner_(loop, clock, timers, config_.launcher, config_.limits),
      door_(kDoorKeys, config_.door) {
  if (config_.tls.plain) serve(loop, config_.port, nullptr);
  if (credentials.port) serve(loop, config_.tls.port, credentials.port);
  if (spool_.count() > 0) log::info("{} results are still to be reported", spool_.count());
  for (auto& execution : state_.waiting()) run_waiting(std::move(execution));
  if (config_.scheduler.addresses.empty()) return;
  reporter_ = std::make_unique<Reporter>(loop, clock, timers, config_.scheduler, credentials.scheduler,
                                         OwnSide{config_.ip, config_.tcp}, spool_);
}

void Agent::serve(boost::asio::io_context& loop, std::uint16_t port, tls::CredentialsPtr credentials) {
  const wire::ServerLimits limits{.liveness = config_.tcp};
  servers_.push_back(std::make_unique<wire::Server>(
      loop, config_.listen, port, limits, door_, wire::agent_service_handler(*this), std::move(credentials)));
}

Result<Runner::Ticket> Agent::admit(const Instruction& ins) {
  if (!config_.any_app && !config_.apps.contains(ins.app)) {
    return Error{ErrorCode::app_not_found, fmt::format("app [{}] not installed", ins.app)};
  }
  if (ins.mode == "P" || ins.mode == "p") {
    log::debug("job {}: mode P is not supported, the app's processor is not notified", ins.id);
  }
  return runner_.admit(ins);
}

void Agent::invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) {
  auto ticket = admit(ins);
  if (ticket) return runner_.run(std::move(*ticket), {.ask = nullptr, .done = std::move(done)});
  log::debug("job {}: refused: {}", ins.id, ticket.error().detail);
  done(could_not_run(ticket.error().detail));
}

// Places are held before the state is asked: what it has taken can be run.
void Agent::invoke_async(std::vector<Instruction> instructions,
                         std::function<void(std::vector<Acceptance>)> done) {
  std::vector<Offer> offers;
  std::vector<Runner::Ticket> tickets;
  for (auto& ins : instructions) {
    auto ticket = reporter_
                      ? admit(ins)
                      : Error{ErrorCode::internal, "agent has no scheduler to report to (scheduler.addr)"};
    tickets.push_back(ticket ? *ticket : nullptr);
    offers.push_back({.instruction = std::move(ins), .refusal = ticket ? "" : ticket.error().detail});
  }
  ++undecided_;
  state_.take(std::move(offers), [this, tickets = std::move(tickets),
                                  done = std::move(done)](std::vector<Decision> decisions) mutable {
    --undecided_;
    std::vector<Acceptance> answers;
    answers.reserve(decisions.size());
    for (std::size_t i = 0; i < decisions.size(); ++i) {
      answers.push_back(answer_to(std::move(decisions[i]), std::move(tickets[i])));
    }
    done(std::move(answers));
  });
}

Acceptance Agent::answer_to(Decision decision, Runner::Ticket ticket) {
  switch (decision.kind) {
    case Decision::Kind::refused:
      log::debug("an instruction is refused: {}", decision.why);
      return {.answer = could_not_run(std::move(decision.why)), .reported = false};
    case Decision::Kind::taken:
      run(decision.number, std::move(ticket));
      break;
    case Decision::Kind::known:
    case Decision::Kind::reported:
      log::debug("execution {} came again, not run again", decision.number);
      spool_.mark_repeated(decision.number);
      break;
  }
  return {.answer = {.flag = 1, .costtime = 0, .result = ""},
          .reported = decision.kind == Decision::Kind::reported};
}

void Agent::run(Number number, Runner::Ticket ticket) {
  runner_.run(std::move(ticket),
              {.ask = [this, number](std::function<void()> go) { state_.start(number, std::move(go)); },
               .done = [this, number](WorkerAnswer answer) { spool_.add(number, std::move(answer)); }});
}

// Within what is left of its time.
void Agent::run_waiting(WaitingExecution execution) {
  auto& ins = execution.instruction;
  const auto whole = ins.timeout > 0 ? Seconds(ins.timeout) : config_.limits.default_timeout;
  const auto passed = std::chrono::floor<Seconds>(clock_.wall_now() - execution.taken);
  const auto left = std::min(whole, whole - passed);
  if (left.count() <= 0) {
    return spool_.add(execution.number, could_not_run("agent restarted before the job was started"));
  }
  ins.timeout = static_cast<std::int32_t>(left.count());
  auto ticket = admit(ins);
  if (!ticket) return spool_.add(execution.number, could_not_run(ticket.error().detail));
  log::info("job {}: taken before the restart, not started then, run now", ins.id);
  run(execution.number, std::move(*ticket));
}

void Agent::leave(std::function<void()> left) {
  if (give_up_) return kill_workers();
  log::info("leaving: {} workers running, {} instructions waiting, {} results to report", runner_.running(),
            runner_.waiting(), spool_.count());
  left_ = std::move(left);
  runner_.stop();
  for (const auto& server : servers_) server->stop();
  give_up_ = Deadline::after(clock_, config_.drain + kReportTime);
  timers_.set(kill_, Deadline::after(clock_, config_.drain), [this] { kill_workers(); });
  timers_.set(look_, Deadline(clock_.now()), [this] { look_whether_done(); });
}

void Agent::kill_workers() {
  if (!runner_.idle()) log::warn("killing {} workers that are still running", runner_.running());
  runner_.kill_all("killed: the agent was stopped");
  give_up_ = give_up_->sooner(Deadline::after(clock_, kReportTime));
}

bool Agent::has_callers() const {
  return std::ranges::any_of(servers_, [](const auto& server) { return server->connections() > 0; });
}

void Agent::look_whether_done() {
  const bool rests = runner_.idle() && undecided_ == 0;
  if (rests && !std::exchange(rested_, true)) {
    give_up_ = give_up_->sooner(Deadline::after(clock_, kReportTime));
  }
  const bool all_told = !reporter_ || spool_.count() == 0;
  const bool done = rests && all_told && !has_callers();
  if (!done && !give_up_->passed(clock_.now())) {
    timers_.set(look_, Deadline::after(clock_, kLook), [this] { look_whether_done(); });
    return;
  }
  if (spool_.count() > 0) log::info("{} results are kept for the next start", spool_.count());
  kill_.cancel();
  if (reporter_) reporter_->stop();
  servers_.clear();
  left_();
}

}  // namespace elves::worker
