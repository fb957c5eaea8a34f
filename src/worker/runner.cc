#include "worker/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>
#include <utility>

#include "base/log.h"
#include "worker/output.h"
#include "worker/start_trouble.h"

namespace elves::worker {
namespace {

constexpr std::size_t kEnvelope = 4096;  // an answer's fields apart from texts
constexpr std::size_t kSmallestOutput =
    64UL * 1024;  // what even the largest instruction leaves to its worker

// Bytes that a worker may print so that its answer, with the echo of the instruction, stays within `whole`.
std::size_t output_limit(const Instruction& ins, std::size_t whole) {
  std::size_t used = kEnvelope;
  for (const auto* text :
       {&ins.id, &ins.ip, &ins.type, &ins.mode, &ins.app, &ins.func, &ins.param, &ins.proxy}) {
    used += text->size();
  }
  return whole > used + kSmallestOutput ? whole - used : kSmallestOutput;
}

}  // namespace

struct Runner::Task {
  explicit Task(std::shared_ptr<std::size_t> places) : places_(std::move(places)) { ++*places_; }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() { --*places_; }

  std::string name;  // for the log
  Command command;
  Hooks hooks;
  Seconds timeout{};
  std::size_t max_output = 0;
  SteadyTime started;
  std::shared_ptr<Process> process;
  std::string killed_because;
  Timer deadline;
  Tasks* in = nullptr;  // the list that it is in

 private:
  const std::shared_ptr<std::size_t> places_;
};

Runner::Runner(boost::asio::io_context& loop, const Clock& clock, Timers& timers, Launcher launcher,
               RunnerLimits limits)
    : loop_(loop), clock_(clock), timers_(timers), launcher_(std::move(launcher)), limits_(limits) {}

Runner::~Runner() = default;

Result<Runner::Ticket> Runner::admit(const Instruction& ins) {
  if (stopped_) return Error{ErrorCode::internal, "agent is shutting down"};
  if (*places_ >= limits_.max_running + limits_.max_waiting) {
    return Error{ErrorCode::internal, fmt::format("overloaded: {} workers running, {} instructions waiting",
                                                  running(), *places_ - running())};
  }
  auto command = resolve(launcher_, ins.app, ins.func, ins.param, ins.proxy);
  if (!command) return Error{ErrorCode::internal, command.error().detail};
  auto task = std::make_shared<Task>(places_);
  task->name = ins.exec_id.empty() ? ins.id : ins.exec_id;
  task->command = std::move(*command);
  task->timeout = ins.timeout > 0 ? Seconds(ins.timeout) : limits_.default_timeout;
  task->max_output = output_limit(ins, limits_.max_output);
  return task;
}

void Runner::run(Ticket ticket, Hooks hooks) {
  log::debug("job {}: taken, timeout {} s", ticket->name, ticket->timeout.count());
  auto& list = hooks.ask ? waiting_ : ready_;
  ticket->hooks = std::move(hooks);
  ticket->in = &list;
  const auto at = list.insert(list.end(), std::move(ticket));
  timers_.set((*at)->deadline, Deadline::after(clock_, (*at)->timeout), [this, at] { time_out(at); });
  boost::asio::post(loop_, [this] { start_waiting(); });
}

std::optional<std::string> Runner::run(const Instruction& ins, Done done) {
  auto ticket = admit(ins);
  if (!ticket) return ticket.error().detail;
  run(std::move(*ticket), {.ask = nullptr, .done = std::move(done)});
  return std::nullopt;
}

void Runner::move(Tasks::iterator at, Tasks& to) {
  to.splice(to.end(), *(*at)->in, at);
  (*at)->in = &to;
}

void Runner::start_waiting() {
  while (!ready_.empty() && running_.size() < limits_.max_running) {
    const auto at = ready_.begin();
    if ((*at)->hooks.ask) --granted_;
    move(at, running_);
    start(at);
  }
  ask_for_leave();
}

// For as many as find a worker at once. While those that need no leave have all the workers, for one: it must
// not wait for ever.
void Runner::ask_for_leave() {
  while (!waiting_.empty()) {
    const auto ahead = asking_.size() + granted_;
    const bool free = running_.size() + ahead < limits_.max_running;
    if (!free && (ahead > 0 || ready_.empty())) return;
    const auto at = waiting_.begin();
    move(at, asking_);
    (*at)->hooks.ask([this, at, known = std::weak_ptr<Task>(*at)] {
      if (known.expired()) return;
      ++granted_;
      move(at, ready_);
      start_waiting();
    });
  }
}

void Runner::start(Tasks::iterator at) {
  Task& task = **at;
  task.started = clock_.now();
  Command command{task.command.argv, task.command.folder, std::move(task.command.input), task.command.mark};
  auto process = Process::start(loop_, std::move(command), task.max_output,
                                [this, at](const Ended& end) { ended(at, end); });
  if (!process) return finish(at, could_not_run(process.error().detail));
  task.process = std::move(*process);
  log::debug("job {}: started as process {}", task.name, task.process->pid());
}

void Runner::time_out(Tasks::iterator at) {
  Task& task = **at;
  if (!task.process) {
    return finish(at, could_not_run(fmt::format("never started: {} s passed waiting for a free worker",
                                                task.timeout.count())));
  }
  task.killed_because = fmt::format("killed on timeout after {} s", task.timeout.count());
  task.process->kill();
}

void Runner::ended(Tasks::iterator at, const Ended& end) {
  Task& task = **at;
  auto answer = !task.killed_because.empty() ? could_not_run(task.killed_because)
                : end.too_large ? could_not_run(fmt::format("output larger than {} bytes", task.max_output))
                                : judge(end.exit, end.output, end.errors);
  if (answer.flag < 0 && task.killed_because.empty() && end.exit.signal == 0)
    answer.result += doubts_about(task.command, end.exit.status, end.errors);
  const auto cost = std::chrono::duration_cast<Millis>(clock_.now() - task.started).count();
  answer.costtime =
      static_cast<std::int32_t>(std::min<Millis::rep>(cost, std::numeric_limits<std::int32_t>::max()));
  log::debug("job {}: worker ended with {}, flag {}, {} ms", task.name, end.exit.text(), answer.flag, cost);
  finish(at, std::move(answer));
  start_waiting();
}

void Runner::finish(Tasks::iterator at, WorkerAnswer answer) {
  const auto task = std::move(*at);
  if (task->in == &ready_ && task->hooks.ask) --granted_;
  task->in->erase(at);
  task->deadline.cancel();
  task->hooks.done(std::move(answer));
}

void Runner::kill_all(const std::string& why) {
  for (auto* list : {&waiting_, &asking_, &ready_}) {
    while (!list->empty()) finish(list->begin(), could_not_run(why));
  }
  for (const auto& task : running_) {
    task->killed_because = why;
    task->process->kill();
  }
}

}  // namespace elves::worker
