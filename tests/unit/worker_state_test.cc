// What the agent's state keeps, and for how long.
#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "worker_state_fixture.h"

namespace elves::worker::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using WorkerState = StateFixture;

TEST_F(WorkerState, AResultComesBackAsItWas) {
  open();
  auto ins = some("queue", "1:2", "E1");
  ins.ip = "10.0.0.1";
  ins.mode = "sanp";
  ins.proxy = "sh|x";
  const auto number = take(ins).number;
  const std::string text("result \0 \xfe\xff", 11);
  state->end(number, {.flag = 0, .costtime = 12, .result = text});
  open_again();
  EXPECT_EQ(state->unreported_at_start(), 1U);
  const auto found = results();
  ASSERT_EQ(found.size(), 1U);
  const auto& result = found[0].result;
  EXPECT_EQ(result.id, ins.id);
  EXPECT_EQ(result.exec_id, "E1");
  EXPECT_EQ(result.ip, ins.ip);
  EXPECT_EQ(result.type, ins.type);
  EXPECT_EQ(result.mode, ins.mode);
  EXPECT_EQ(result.app, ins.app);
  EXPECT_EQ(result.func, ins.func);
  EXPECT_EQ(result.param, ins.param);
  EXPECT_EQ(result.proxy, ins.proxy);
  EXPECT_EQ(result.timeout, 30);
  EXPECT_EQ(result.answer, (WorkerAnswer{.flag = 0, .costtime = 12, .result = text}));
}

TEST_F(WorkerState, ResultsComeInTheOrderOfTheirEnds) {
  open();
  std::vector<Number> numbers;
  for (const auto* id : {"1", "2", "3"}) numbers.push_back(take(some("cron", id, id)).number);
  for (const std::size_t i : {2U, 0U, 1U}) end(numbers[i]);
  auto found = results();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].result.id, "3");
  EXPECT_EQ(found[2].result.id, "2");
  EXPECT_EQ(results(found[1].order).size(), 1U);
  state->report(numbers[2], false);
  EXPECT_EQ(results().size(), 2U);
}

TEST_F(WorkerState, WhatWasRunningIsEndedAndWhatWasNotStartedIsThere) {
  open();
  const auto running = take(some("cron", "running", "E1")).number;
  start(running);
  auto ins = some("cron", "waiting", "E2");
  const auto waiting = take(ins).number;
  open_again();
  const auto left = state->waiting();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].number, waiting);
  EXPECT_EQ(left[0].instruction, ins);
  EXPECT_LE(clock.wall_now() - left[0].taken, Millis(1));
  const auto found = results();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].result.id, "running");
  EXPECT_EQ(found[0].result.answer.flag, -1);
  EXPECT_EQ(found[0].result.answer.result, "agent restarted while the job was running");
  open_again();
  EXPECT_EQ(results().size(), 1U);
}

TEST_F(WorkerState, ASecondEndChangesNothing) {
  open();
  const auto number = take(some("cron", "1", "E1")).number;
  end(number, "first");
  end(number, "second");
  const auto found = results();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].result.answer.result, "first");
}

TEST_F(WorkerState, ReportedExecutionsAreForgottenByAgeAndNumber) {
  options.remember = {.age = Seconds(3600), .count = 2};
  options.tidy = Millis(1);
  open();
  for (const auto* id : {"1", "2", "3"}) report(some("queue", id, ""));
  loop.until([&] { return take({Offer{some("queue", "1", ""), "new"}}).at(0).kind == Kind::refused; },
             "the oldest to be forgotten");
  EXPECT_EQ(take(some("queue", "2", "")).kind, Kind::reported);
  clock.advance(std::chrono::hours(2));
  loop.until([&] { return take({Offer{some("queue", "3", ""), "new"}}).at(0).kind == Kind::refused; },
             "all to be forgotten");
}

TEST_F(WorkerState, TakesNothingNewWhenItsLimitIsReached) {
  options.max_bytes = 20000;
  open();
  const auto number = take(some("queue", "1", "E1")).number;
  end(number, std::string(30000, 'x'));
  const auto refused = take(some("queue", "2", "E2"));
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.why, "overloaded: 1 results wait for the scheduler");
  EXPECT_EQ(take(some("queue", "1", "E1")).kind, Kind::known);
  open_again();
  EXPECT_EQ(take(some("queue", "2", "E2")).kind, Kind::refused);
  state->report(number, true);
  EXPECT_EQ(take(some("queue", "2", "E2")).kind, Kind::taken);
}

TEST_F(WorkerState, OnlyOneProcessHasIt) {
  fs::create_directories(options.folder);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const FolderLock lock(options.folder / "elves-agent.lock");
    ::close(ready[1]);
    ::pause();
    ::_exit(0);
  }
  ::close(ready[1]);
  char none = 0;
  EXPECT_EQ(::read(ready[0], &none, 1), 0);
  ::close(ready[0]);
  EXPECT_THAT(fault(), HasSubstr("another process has it open; statedir in cfg.json"));
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  open();
}

TEST_F(WorkerState, AFileOfSomethingElseIsRefused) {
  fs::create_directories(options.folder);
  std::ofstream(options.folder / "elves-agent.db")
      << "this is no database, though it is long enough to be one";
  EXPECT_THAT(fault(), HasSubstr((options.folder / "elves-agent.db").string() + ": file is not a database"));
  EXPECT_THAT(fault(), HasSubstr("move it away"));
}

TEST_F(WorkerState, ANewerVersionIsRefused) {
  open();
  state.reset();
  {
    soci::session sql(soci::sqlite3, "db=" + (options.folder / "elves-agent.db").string());
    sql << "PRAGMA user_version = 2";
  }
  EXPECT_THAT(fault(), HasSubstr("its version is 2, and this program knows up to 1; use the program"));
}

TEST_F(WorkerState, AFolderThatCannotBeIsAnErrorWithWhatToDo) {
  options.folder = "/proc/nowhere";
  EXPECT_THAT(fault(), HasSubstr("statedir in cfg.json must name a folder that this user may write"));
}

// Another connection holds the write lock: the file can be read and not written.
class WorkerStateUnwritable : public StateFixture {
 public:
  WorkerStateUnwritable() {
    options.retry = Millis(20);
    options.busy = Millis(1);
    open();
  }
  void lock() {
    other =
        std::make_unique<soci::session>(soci::sqlite3, "db=" + (options.folder / "elves-agent.db").string());
    *other << "PRAGMA busy_timeout = 5000";
    *other << "BEGIN IMMEDIATE";
  }
  void unlock() { other.reset(); }
  std::unique_ptr<soci::session> other;
};

TEST_F(WorkerStateUnwritable, RefusesWhatIsNewAndGoesOnByItself) {
  const auto known = take(some("queue", "1", "E1")).number;
  lock();
  const auto refused = take(some("queue", "2", "E2"));
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.why, "overloaded: the agent's state cannot be written: database is locked");
  EXPECT_EQ(take(some("queue", "1", "E3")).number, known);
  unlock();
  loop.until([&] { return take(some("queue", "2", "E2")).kind != Kind::refused; }, "it to be written again");
  end(known);
  EXPECT_TRUE(results().at(0).result.may_be_repeat);
}

TEST_F(WorkerStateUnwritable, KeepsEndsReportsAndMarks) {
  const auto first = take(some("queue", "1", "E1")).number;
  const auto second = take(some("queue", "2", "E2")).number;
  const auto third = take(some("queue", "3", "E3")).number;
  lock();
  bool marked = false;
  state->start(third, [&] { marked = true; });
  end(first, "one");
  end(second, "two");
  loop.until([&] { return ended > 0 && results().size() == 2; }, "the ends to be heard of");
  auto found = results();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].result.answer.result, "one");
  EXPECT_EQ(found[1].result.exec_id, "E2");
  state->report(first, false);
  EXPECT_EQ(results().size(), 1U);
  EXPECT_EQ(take(some("queue", "1", "E1")).kind, Kind::reported);
  EXPECT_FALSE(marked);
  unlock();
  loop.until([&] { return marked; }, "it to be written again");
  open_again();
  EXPECT_EQ(state->unreported_at_start(), 2U);
  found = results();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].result.answer.result, "two");
  EXPECT_EQ(found[1].result.id, "3");
}

}  // namespace
}  // namespace elves::worker::test
