// Promise: whatever fails, and whenever the process dies, no job is lost and none ends twice. Each test makes
// the Nth operation on a port fail, for N = 1, 2, 3 and so on until nothing fails any more.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"
#include "unit/dispatch_world.h"

namespace elves::testing {
namespace {

using What = Fault::What;

constexpr unsigned kNothing = 0;
constexpr unsigned kAll = World::kJournal | World::kPublish | World::kAcknowledge | World::kCall;
constexpr auto kSync = JobType::sync;
constexpr auto kCron = JobType::cron;
constexpr auto kQueue = JobType::queue;

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {.name = "sendSync", .type = kSync},
      {.name = "sendSync with processor", .type = kSync, .processor = true},
      {.name = "syncJob", .type = kSync, .dialect = Dialect::body},
      {.name = "HTTP sync", .type = kSync, .http = true},
      {.name = "sendAsync cast cron", .type = kCron},
      {.name = "sendAsync cast cron rand_id", .type = kCron, .rand_id = true, .processor = true},
      {.name = "sendAsync call cron", .type = kCron, .call = true, .processor = true},
      {.name = "sendAsync call cron rand_id", .type = kCron, .call = true, .rand_id = true},
      {.name = "sendAsync cast queue", .type = kQueue},
      {.name = "sendAsync cast queue rand_id", .type = kQueue, .rand_id = true, .processor = true},
      {.name = "sendAsync call queue", .type = kQueue, .call = true, .processor = true},
      {.name = "sendAsync call queue rand_id", .type = kQueue, .call = true, .rand_id = true},
      {.name = "asyncJob cron", .type = kCron, .dialect = Dialect::body},
      {.name = "asyncJob queue", .type = kQueue, .dialect = Dialect::body},
      {.name = "HTTP cron", .type = kCron, .http = true},
      {.name = "HTTP queue", .type = kQueue, .http = true},
      {.name = "cron from elsewhere", .type = kCron, .elsewhere = true},
      {.name = "queue from elsewhere", .type = kQueue, .elsewhere = true},
      {.name = "cron from elsewhere with processor", .type = kCron, .processor = true, .elsewhere = true},
  };
  return all;
}

// Every job, at every pace, with both agents.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Kind& kind : kinds()) {
    for (const auto pace : {Pace::quick, Pace::before_the_acceptance, Pace::after_the_deadline}) {
      for (const bool dedupes : {true, false}) all.push_back({kind, pace, dedupes, {}});
    }
  }
  return all;
}

// For faults that come in pairs: without those whose jobs differ from another's in nothing but their words.
std::vector<Case> fewer_cases() {
  auto all = cases();
  std::erase_if(all, [](const Case& one) { return one.kind.dialect == Dialect::body || one.kind.rand_id; });
  return all;
}

std::vector<Answer> answers(const World& world, Answer::Kind kind) {
  std::vector<Answer> found;
  for (const Publication& one : world.out) {
    const auto* answer = std::get_if<Answer>(&one);
    if (answer && answer->kind == kind) found.push_back(*answer);
  }
  return found;
}

bool same(const Stage& a, const Stage& b) { return a.ok == b.ok && a.error == b.error && a.cost == b.cost; }

// Whether it is one message, sent twice.
bool same(const Answer& a, const Answer& b) {
  const Outcome& x = a.outcome;
  const Outcome& y = b.outcome;
  return a.job->log_id == b.job->log_id && x.error == y.error && x.worker == y.worker &&
         same(x.agent, y.agent) && same(x.processor, y.processor) && x.running == y.running &&
         x.started == y.started && x.ended == y.ended && x.called_back == y.called_back;
}

bool is(const Answer& answer, ErrorCode code) {
  return answer.outcome.error && answer.outcome.error->code == code && !answer.outcome.worker;
}

// Whether the job ended because no result came in time: then one may still come.
bool timed_out(const Answer& answer) {
  return is(answer, ErrorCode::job_timeout) || is(answer, ErrorCode::outcome_unknown) ||
         is(answer, ErrorCode::agent_answer_illegal);
}

// The first reply says how the job ended. After a death another may say that this is not known.
std::string replies_fault(const World& world) {
  const auto replies = answers(world, Answer::Kind::reply);
  if (replies.empty()) return "the caller has no reply";
  if (replies.size() > 1 && world.deaths == 0) return "the caller has two replies";
  for (std::size_t i = 1; i < replies.size(); ++i) {
    if (!is(replies[i], ErrorCode::outcome_unknown)) return "the caller has a second result";
  }
  return "";
}

std::string acceptances_fault(const Case& what, const World& world) {
  const auto acceptances = answers(world, Answer::Kind::acceptance);
  if (!what.kind.call) return acceptances.empty() ? "" : "an acceptance that nobody asked for";
  if (world.deaths > 0) return "";
  return acceptances.size() == 1 ? "" : "not exactly one acceptance";
}

// One end: a result, or a reason. The same message may come again after a death, and a result after a
// timeout. The released agent may have run a cron once more after a death, and tells nothing of that.
std::string terminals_fault(const Case& what, const World& world) {
  std::vector<Answer> ends;
  for (const Answer& one : answers(world, Answer::Kind::terminal)) {
    const bool repeated = std::ranges::any_of(ends, [&](const Answer& end) { return same(end, one); });
    if (repeated && world.deaths == 0) return "the same message twice";
    if (!repeated) ends.push_back(one);
  }
  if (what.kind.http) return ends.empty() ? "" : "a message that nobody asked for";
  if (what.kind.elsewhere && ends.empty() && world.out.size() == 1) return "";  // a dead letter
  if (ends.empty()) return "the job has no end";
  if (ends.size() == 1) return "";
  // What the journal refused a process that died is known to nobody: nothing is lost, but it may end again.
  if (world.refusals > 0 && world.deaths > 0) return "";
  const auto results = static_cast<int>(
      std::ranges::count_if(ends, [](const Answer& end) { return end.outcome.worker.has_value(); }));
  const bool ran_again = !what.dedupes && what.kind.type == kCron && world.deaths > 0;
  if (results > (ran_again ? world.runs : 1)) return "two results";
  if (static_cast<int>(ends.size()) - results > 1) return "two ends without a result";
  return results == static_cast<int>(ends.size()) || timed_out(ends.front()) ? "" : "two different ends";
}

// It is told every result, once; only what failed or died may keep it from that, and then the end says so.
std::string processor_fault(const Case& what, const World& world) {
  if (world.processed_too_early) return "the processor was called before the journal knew";
  for (const auto& [result, times] : world.processed) {
    if (times > 1) return "the processor was told " + result + " twice";
  }
  for (const Publication& one : world.out) {
    const auto* answer = std::get_if<Answer>(&one);
    if (!answer || answer->kind == Answer::Kind::acceptance) continue;
    const Outcome& outcome = answer->outcome;
    const bool wanted = what.kind.processor && outcome.worker;
    if (outcome.running) return "an end that says that it goes on";
    if (wanted != (outcome.processor.ok || outcome.processor.error)) return "an end that hides its processor";
    if (outcome.processor.ok && !world.processed.contains(outcome.worker->result))
      return "an end that says that the processor has it";
    if (wanted && !outcome.processor.ok && world.hits == 0) return "the processor was not told";
  }
  return "";
}

std::string leftovers_fault(const Case& what, const World& world) {
  if (world.open() > 0) return "a job is still open";
  if (!world.held.empty()) return "the journal was not told everything";
  for (const auto& [id, record] : world.on_disk) {
    if (record.state != JobState::published) return "the journal has an open job";
  }
  if (!what.kind.http && !what.kind.elsewhere && !world.acknowledged) return "a delivery is not acknowledged";
  if (what.kind.http && world.ends != 1 && world.deaths == 0) return "on_end was not called once";
  for (const auto& execution : world.executions) {
    if (!execution.told) return "the agent still has a result";
  }
  return "";
}

std::string fault_of(const Case& what, const World& world) {
  const bool may_run_again = !what.dedupes && what.kind.type != kSync;
  if (world.runs > 1 + (may_run_again ? world.deaths : 0)) return "the worker ran again";
  if (world.told_too_early) return "the agent heard of success before the journal had the result";
  std::string fault = leftovers_fault(what, world);
  if (fault.empty()) fault = processor_fault(what, world);
  if (!fault.empty()) return fault;
  if (what.kind.type != kSync) {
    fault = acceptances_fault(what, world);
    return fault.empty() ? terminals_fault(what, world) : fault;
  }
  return what.kind.http ? "" : replies_fault(world);
}

// Runs the case and reports what is wrong. Answers how many of its faults happened.
std::size_t check(const Case& what) {
  World world(what);
  const std::string fault = world.play() ? fault_of(what, world) : "it goes on for ever";
  if (!fault.empty()) {
    World again(what, true);
    again.play();
    static constexpr std::array kPaces{"quick", "result before the acceptance", "result after the deadline"};
    ADD_FAILURE() << what.kind.name << ", " << kPaces.at(static_cast<std::size_t>(what.pace)) << ", "
                  << (what.dedupes ? "elves-agent" : "released agent") << ": " << fault << "\n  "
                  << again.story;
  }
  return world.hits;
}

// Every N at which the fault happens.
void at_every_operation(Case what, Fault fault) {
  do {
    ++fault.at;
    what.faults = {fault};
  } while (check(what) > 0);
}

// Every N and every later M at which both happen.
void at_every_two_operations(Case what, Fault first, Fault second) {
  std::size_t hits = 0;
  do {
    second.at = ++first.at;
    do {
      ++second.at;
      what.faults = {first, second};
      hits = check(what);
    } while (hits == 2);
  } while (hits > 0);
}

// Dies at the operation or right after it; of what is on its way all, nothing or only some arrives.
std::vector<Fault> deaths() {
  std::vector<Fault> all;
  for (const auto what : {What::dies_before, What::dies_after}) {
    all.push_back({what, 0, kNothing, false});
    all.push_back({what, 0, kAll, false});
    all.push_back({what, 0, kAll, true});
    all.push_back({what, 0, World::kJournal, false});
    all.push_back({what, 0, World::kPublish | World::kAcknowledge, true});
  }
  return all;
}

class NthFailure : public ::testing::Test {
 public:
  NthFailure() { log::set_level("error"); }
  ~NthFailure() override { log::set_level("info"); }
};

TEST_F(NthFailure, NothingFails) {
  for (const Case& what : cases()) EXPECT_EQ(check(what), 0U);
}

TEST_F(NthFailure, EveryOperationFailsInEveryWay) {
  for (const Case& what : cases()) {
    for (unsigned how = 0; how < 8; ++how) at_every_operation(what, {What::fails, 0, how});
  }
}

TEST_F(NthFailure, TheProcessDiesAtEveryOperation) {
  for (const Case& what : cases()) {
    for (const Fault& death : deaths()) at_every_operation(what, death);
  }
}

TEST_F(NthFailure, TheProcessDiesTwice) {
  for (const Case& what : fewer_cases()) {
    at_every_two_operations(what, {What::dies_after, 0, kAll}, {What::dies_after, 0, kAll, true});
  }
}

TEST_F(NthFailure, AnOperationFailsAndTheProcessDies) {
  for (const Case& what : fewer_cases()) at_every_two_operations(what, {}, {What::dies_after, 0, kAll});
}

TEST_F(NthFailure, TheProcessDiesAndAnOperationFails) {
  for (const Case& what : fewer_cases()) {
    at_every_two_operations(what, {What::dies_after, 0, kAll}, {What::fails, 0, 1});
  }
}

}  // namespace
}  // namespace elves::testing
