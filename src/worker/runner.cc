#include "worker/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>
#include <utility>

#include "base/log.h"
#include "worker/output.h"

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
  std::string name;  // for the log
  Command command;
  Done done;
  Seconds timeout;
  std::size_t max_output;
  SteadyTime started;
  std::shared_ptr<Process> process;
  std::string killed_because;
  Timer deadline;
};

Runner::Runner(boost::asio::io_context& loop, const Clock& clock, Timers& timers, Launcher launcher,
               RunnerLimits limits)
    : loop_(loop), clock_(clock), timers_(timers), launcher_(std::move(launcher)), limits_(limits) {}

Runner::~Runner() = default;

std::optional<std::string> Runner::run(const Instruction& ins, Done done) {
  if (stopped_) return "agent is shutting down";
  if (running_.size() + waiting_.size() >= limits_.max_running + limits_.max_waiting) {
    return fmt::format("overloaded: {} workers running, {} instructions waiting", running_.size(),
                       waiting_.size());
  }
  auto command = resolve(launcher_, ins.app, ins.func, ins.param, ins.proxy);
  if (!command) return command.error().detail;
  auto task = std::make_unique<Task>();
  task->name = ins.exec_id.empty() ? ins.id : ins.exec_id;
  task->command = std::move(*command);
  task->done = std::move(done);
  task->timeout = ins.timeout > 0 ? Seconds(ins.timeout) : limits_.default_timeout;
  task->max_output = output_limit(ins, limits_.max_output);
  log::debug("job {}: taken, {}.{}, timeout {} s", task->name, ins.app, ins.func, task->timeout.count());
  const auto at = waiting_.insert(waiting_.end(), std::move(task));
  timers_.set((*at)->deadline, Deadline::after(clock_, (*at)->timeout), [this, at] { time_out(at); });
  boost::asio::post(loop_, [this] { start_waiting(); });
  return std::nullopt;
}

void Runner::start_waiting() {
  while (!waiting_.empty() && running_.size() < limits_.max_running) {
    running_.splice(running_.end(), waiting_, waiting_.begin());
    start(std::prev(running_.end()));
  }
}

void Runner::start(Tasks::iterator at) {
  Task& task = **at;
  const auto program = task.command.argv.front();
  task.started = clock_.now();
  auto process = Process::start(loop_, std::move(task.command), task.max_output,
                                [this, at](const Ended& end) { ended(at, end); });
  if (!process) {
    finish(running_, at, could_not_run(fmt::format("cannot start {}: {}", program, process.error().detail)));
    return;
  }
  task.process = std::move(*process);
  log::debug("job {}: started as process {}", task.name, task.process->pid());
}

void Runner::time_out(Tasks::iterator at) {
  Task& task = **at;
  if (!task.process) {
    finish(waiting_, at,
           could_not_run(
               fmt::format("never started: {} s passed waiting for a free worker", task.timeout.count())));
    return;
  }
  task.killed_because = fmt::format("killed on timeout after {} s", task.timeout.count());
  task.process->kill();
}

void Runner::ended(Tasks::iterator at, const Ended& end) {
  Task& task = **at;
  auto answer = !task.killed_because.empty() ? could_not_run(task.killed_because)
                : end.too_large ? could_not_run(fmt::format("output larger than {} bytes", task.max_output))
                                : judge(end.exit, end.output, end.errors);
  const auto cost = std::chrono::duration_cast<Millis>(clock_.now() - task.started).count();
  answer.costtime =
      static_cast<std::int32_t>(std::min<Millis::rep>(cost, std::numeric_limits<std::int32_t>::max()));
  log::debug("job {}: worker ended with {}, flag {}, {} ms", task.name, end.exit.text(), answer.flag, cost);
  finish(running_, at, std::move(answer));
  start_waiting();
}

void Runner::finish(Tasks& list, Tasks::iterator at, WorkerAnswer answer) {
  const auto task = std::move(*at);
  list.erase(at);
  task->deadline.cancel();
  task->done(std::move(answer));
}

void Runner::kill_all(const std::string& why) {
  while (!waiting_.empty()) finish(waiting_, waiting_.begin(), could_not_run(why));
  for (const auto& task : running_) {
    task->killed_because = why;
    task->process->kill();
  }
}

}  // namespace elves::worker
