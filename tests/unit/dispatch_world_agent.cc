// The agent's side of the world.
#include <utility>

#include "unit/dispatch_world.h"

namespace elves::testing {

void World::run(JobPtr job, Deadline deadline, OnAgentReply done) {
  operation(
      "agent run", kCall, [=, this] { arrive(job, deadline, done); },
      [=, this](unsigned how) { fail_call(how, job, deadline, done); });
}

void World::start(JobPtr job, Deadline deadline, OnAgentReply done) {
  operation(
      "agent start", kCall, [=, this] { arrive(job, deadline, done); },
      [=, this](unsigned how) { fail_call(how, job, deadline, done); });
}

// Every way in which a call may end badly.
void World::fail_call(unsigned how, const JobPtr& job, Deadline deadline, const OnAgentReply& done) {
  struct End {
    ErrorCode code;
    bool sent;
    bool arrives;
    bool at_deadline;
  };
  static constexpr std::array<End, 7> kEnds{{{ErrorCode::send_failed, false, false, false},
                                             {ErrorCode::outcome_unknown, true, true, false},
                                             {ErrorCode::outcome_unknown, true, false, false},
                                             {ErrorCode::agent_answer_illegal, true, true, false},
                                             {ErrorCode::job_timeout, true, true, true},
                                             {ErrorCode::job_timeout, false, false, true},
                                             {ErrorCode::overloaded, false, false, false}}};
  const bool has_it = std::ranges::find(executions, job->log_id, &Execution::log_id) != executions.end();
  if (how >= kEnds.size() && has_it) {  // what it took it does not refuse
    return later(kCall, Millis(1), [=, this] { arrive(job, deadline, done); });
  }
  if (how >= kEnds.size()) {
    return later(kCallback, Millis(2),
                 [done] { done({WorkerAnswer{-1, 0, "app not installed"}, true, Millis(2)}); });
  }
  const End& end = kEnds.at(how);
  if (end.arrives) later(kCall, Millis(1), [=, this] { arrive(job, deadline, [](const AgentReply&) {}); });
  const auto wait = end.at_deadline ? std::chrono::ceil<Millis>(deadline.at() - clock_.now()) : Millis(2);
  later(kCallback, wait, [done, end] { done({Error{end.code, "because"}, end.sent, Millis(2)}); });
}

void World::arrive(const JobPtr& job, Deadline deadline, const OnAgentReply& done) {
  if (!job->synchronous()) {
    AgentReply reply{WorkerAnswer{1, 0, ""}, true, Millis(3)};
    const auto known = std::ranges::find(executions, job->log_id, &Execution::log_id);
    if (!what_.dedupes || known == executions.end()) {
      execute(*job);
    } else {
      reply.reported = known->told;
    }
    const auto wait = what_.pace == Pace::before_the_acceptance ? Seconds(1) : Seconds(0);
    return later(kCallback, wait, [done, reply] { done(reply); });
  }
  ++runs;
  tell("the worker runs");
  if (what_.pace != Pace::after_the_deadline) {
    return later(kCallback, Seconds(2), [done] { done({WorkerAnswer{1, 7, "done"}, true, Millis(2000)}); });
  }
  later(kCallback, std::chrono::ceil<Millis>(deadline.at() - clock_.now()),
        [done] { done({Error{ErrorCode::job_timeout, "no answer"}, true, Millis(35000)}); });
}

// Each run of a worker has another result.
void World::execute(const Job& job) {
  tell("the worker runs");
  AgentResult made = result(job.wire_id().text(), "run " + std::to_string(++runs), wire_name(job.type));
  if (what_.dedupes) made.exec_id = job.log_id.text();
  executions.push_back({std::move(made), job.log_id, false});
  static constexpr std::array<Millis, 3> kTakes{{Millis(2000), Millis(1), Millis(45000)}};
  later(kWorld, kTakes.at(static_cast<std::size_t>(what_.pace)),
        [this, which = executions.size() - 1] { bring(which); });
}

// Again and again until the scheduler has it.
void World::bring(std::size_t which) {
  if (executions[which].told) return;
  later(kWorld, Seconds(10), [this, which] { bring(which); });
  if (!serving_) return;
  tell("a result comes");
  process_->dispatcher.deliver(executions[which].result, [this, which, life = deaths](bool taken) {
    if (dying_ || life != deaths || !taken) return;
    tell("taken");
    executions[which].told = true;
    told_too_early = told_too_early || !is_durable(executions[which].result);
  });
}

bool World::is_durable(const AgentResult& result) const {
  const auto has_it = [&](const auto& entry) {
    const JobRecord& record = entry.second;
    return record.job->wire_id() == result.id && record.outcome.worker &&
           (record.job->type == JobType::queue || record.outcome.worker->result == result.answer.result);
  };
  const auto dead = [](const Publication& one) { return std::holds_alternative<DeadLetter>(one); };
  return std::ranges::any_of(on_disk, has_it) || std::ranges::any_of(out, dead);
}

}  // namespace elves::testing
