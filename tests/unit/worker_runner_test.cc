#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "wire/loop_timers.h"
#include "worker/runner.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kOk = "echo '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>ok</ElvesWResult>'\n";

// Real workers: shell scripts of one app.
class WorkerRunner : public testing::Test {
 public:
  WorkerRunner() {
    std::signal(SIGPIPE, SIG_IGN);
    std::string pattern = fs::temp_directory_path() / "elves-runner-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(root_ / "app");
  }
  ~WorkerRunner() override { fs::remove_all(root_); }

  void use(const RunnerLimits& limits) {
    runner_ =
        std::make_unique<Runner>(loop_, clock_, driver_.timers(), Launcher{root_, "", "sh", ""}, limits);
  }
  Instruction script(const std::string& text) {
    const auto name = "script" + std::to_string(scripts_++);
    std::ofstream(root_ / "app" / name) << text;
    Instruction ins;
    ins.id = name;
    ins.app = "app";
    ins.func = "f";
    ins.timeout = 60;
    ins.proxy = "sh|" + name;
    return ins;
  }
  std::optional<std::string> submit(const Instruction& ins) {
    if (!runner_) use({});
    return runner_->run(ins, [this](WorkerAnswer answer) { answers_.push_back(std::move(answer)); });
  }
  // Runs the loop until every instruction has ended.
  void finish() {
    while (!runner_->idle()) loop_.run_one();
  }
  WorkerAnswer answer_of(const Instruction& ins) {
    EXPECT_EQ(submit(ins), std::nullopt);
    finish();
    EXPECT_EQ(answers_.size(), 1U);
    return answers_.empty() ? WorkerAnswer{} : answers_[0];
  }

  fs::path root_;
  int scripts_ = 0;
  boost::asio::io_context loop_;
  const SystemClock clock_;
  wire::LoopTimers driver_{loop_};
  std::unique_ptr<Runner> runner_;
  std::vector<WorkerAnswer> answers_;
};

TEST_F(WorkerRunner, AnswersWithTheReport) {
  const auto answer = answer_of(script(kOk));
  EXPECT_EQ(answer.flag, 1);
  EXPECT_EQ(answer.result, "ok");
  EXPECT_TRUE(runner_->idle());
}

TEST_F(WorkerRunner, LosesNothingThatWasPrintedBeforeTheEnd) {
  const auto answer =
      answer_of(script("echo '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>'; head -c 3000000 /dev/zero; echo "
                       "'</ElvesWResult>'"));
  EXPECT_EQ(answer.flag, 1);
  EXPECT_EQ(answer.result.size(), 3000001U);
}

TEST_F(WorkerRunner, WorkerMayCloseItsInputUnread) {
  auto ins = script(kOk);
  ins.param = std::string(3000000, 'x');
  EXPECT_EQ(answer_of(ins).flag, 1);
}

TEST_F(WorkerRunner, WorkerMayCloseItsOutputAndGoOn) {
  EXPECT_EQ(answer_of(script(kOk + "exec >&- 2>&-; sleep 0.2")).flag, 1);
}

TEST_F(WorkerRunner, SignalsOfTheAgentAreNotInherited) {
  const auto answer = answer_of(script("kill -PIPE $$; " + kOk));
  EXPECT_THAT(answer.result, HasSubstr("signal 13"));
}

TEST_F(WorkerRunner, StartFailureIsAnAnswer) {
  auto ins = script("x");
  ins.proxy = ins.id;  // not executable
  const auto answer = answer_of(ins);
  EXPECT_EQ(answer.flag, -1);
  EXPECT_THAT(answer.result, StartsWith("cannot start "));
  EXPECT_THAT(answer.result, HasSubstr("may not be run: chmod +x it"));
}

TEST_F(WorkerRunner, TimeoutKillsAndEndsOnce) {
  auto ins = script("sleep 1000 & sleep 1000");
  ins.timeout = 1;
  const auto answer = answer_of(ins);
  EXPECT_EQ(answer.flag, -1);
  EXPECT_EQ(answer.result, "killed on timeout after 1 s");
  EXPECT_GE(answer.costtime, 1000);
}

TEST_F(WorkerRunner, TimeoutZeroIsTheDefault) {
  use({.default_timeout = Seconds(1)});
  auto ins = script("sleep 1000");
  ins.timeout = 0;
  EXPECT_EQ(answer_of(ins).result, "killed on timeout after 1 s");
}

TEST_F(WorkerRunner, TooMuchOutputIsKilled) {
  use({.max_output = 200000});
  const auto answer = answer_of(script("cat /dev/zero"));
  EXPECT_EQ(answer.flag, -1);
  EXPECT_THAT(answer.result, StartsWith("output larger than 195"));
}

TEST_F(WorkerRunner, EchoedParamCountsToTheOutput) {
  use({.max_output = 200000});
  auto ins = script("cat /dev/zero");
  ins.param = std::string(100000, 'x');
  EXPECT_THAT(answer_of(ins).result, StartsWith("output larger than 95"));
}

TEST_F(WorkerRunner, LargestParamStillLeavesRoom) {
  use({.max_output = 200000});
  auto ins = script("cat /dev/zero");
  ins.param = std::string(199000, 'x');
  EXPECT_EQ(answer_of(ins).result, "output larger than 65536 bytes");
}

TEST_F(WorkerRunner, RunsOnlySoManyAtOnceAndInOrder) {
  use({.max_running = 2, .max_waiting = 3});
  std::vector<std::string> ended;
  for (const auto* name : {"1", "2", "3", "4", "5"}) {
    const auto text =
        std::string("echo '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>") + name + "</ElvesWResult>'";
    EXPECT_EQ(runner_->run(script(text),
                           [&, this](const WorkerAnswer& answer) {
                             EXPECT_LE(runner_->running(), 2U);
                             ended.push_back(answer.result);
                           }),
              std::nullopt);
  }
  EXPECT_THAT(submit(script(kOk)).value_or(""), StartsWith("overloaded"));
  finish();
  EXPECT_THAT(ended, testing::UnorderedElementsAre("1", "2", "3", "4", "5"));
  EXPECT_TRUE(runner_->idle());
}

TEST_F(WorkerRunner, TimeInTheQueueCounts) {
  use({.max_running = 1});
  submit(script("sleep 1.5; " + kOk));
  auto late = script(kOk);
  late.timeout = 1;
  submit(late);
  finish();
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].result, "never started: 1 s passed waiting for a free worker");
  EXPECT_EQ(answers_[0].costtime, 0);
  EXPECT_EQ(answers_[1].flag, 1);
}

TEST_F(WorkerRunner, TakesNothingOnceStopped) {
  use({});
  runner_->stop();
  EXPECT_EQ(submit(script(kOk)), "agent is shutting down");
  EXPECT_TRUE(answers_.empty());
}

TEST_F(WorkerRunner, KillAllEndsWhatRunsAndWhatWaits) {
  use({.max_running = 1});
  submit(script("sleep 1000"));
  submit(script(kOk));
  loop_.run_one();  // the first one starts
  ASSERT_EQ(runner_->running(), 1U);
  runner_->kill_all("bye");
  finish();
  ASSERT_EQ(answers_.size(), 2U);
  for (const auto& answer : answers_) {
    EXPECT_EQ(answer.flag, -1);
    EXPECT_EQ(answer.result, "bye");
  }
}

TEST_F(WorkerRunner, WorkerIsNotStartedBeforeItsLeave) {
  use({.max_running = 1});
  std::function<void()> go;
  auto ticket = runner_->admit(script(kOk));
  ASSERT_TRUE(ticket);
  runner_->run(*ticket, {.ask = [&](std::function<void()> leave) { go = std::move(leave); },
                         .done = [this](WorkerAnswer answer) { answers_.push_back(std::move(answer)); }});
  ticket->reset();
  submit(script(kOk));  // needs none, and is not held up
  while (answers_.empty()) loop_.run_one();
  EXPECT_EQ(runner_->waiting(), 1U);
  ASSERT_TRUE(go);
  go();
  finish();
  EXPECT_EQ(answers_.size(), 2U);
}

TEST_F(WorkerRunner, LeaveAfterTheTimeoutStartsNothing) {
  use({});
  std::function<void()> go;
  auto ins = script(kOk);
  ins.timeout = 1;
  auto ticket = runner_->admit(ins);
  runner_->run(std::move(*ticket),
               {.ask = [&](std::function<void()> leave) { go = std::move(leave); },
                .done = [this](WorkerAnswer answer) { answers_.push_back(std::move(answer)); }});
  finish();
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].result, "never started: 1 s passed waiting for a free worker");
  go();
  EXPECT_TRUE(runner_->idle());
}

TEST_F(WorkerRunner, AsksOnlyForThoseThatFindAWorker) {
  use({.max_running = 2});
  std::vector<std::function<void()>> leaves;
  for (int i = 0; i < 5; ++i) {
    auto ticket = runner_->admit(script(kOk));
    runner_->run(std::move(*ticket),
                 {.ask = [&](std::function<void()> leave) { leaves.push_back(std::move(leave)); },
                  .done = [this](WorkerAnswer answer) { answers_.push_back(std::move(answer)); }});
  }
  std::size_t given = 0;
  while (!runner_->idle()) {
    loop_.run_one();
    EXPECT_LE(leaves.size() - given + runner_->running(), 2U);
    if (given < leaves.size()) leaves[given++]();
  }
  EXPECT_EQ(answers_.size(), 5U);
}

TEST_F(WorkerRunner, TicketsHoldPlaces) {
  use({.max_running = 1, .max_waiting = 0});
  auto ticket = runner_->admit(script(kOk));
  ASSERT_TRUE(ticket);
  EXPECT_THAT(submit(script(kOk)).value_or(""), StartsWith("overloaded"));
  ticket->reset();
  EXPECT_EQ(submit(script(kOk)), std::nullopt);
  finish();
}

TEST_F(WorkerRunner, WorkerCarriesTheMark) {
  runner_ = std::make_unique<Runner>(loop_, clock_, driver_.timers(),
                                     Launcher{root_, "", "sh", "ELVES_TEST=it is"}, RunnerLimits{});
  EXPECT_EQ(
      answer_of(script("echo \"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>$ELVES_TEST</ElvesWResult>\""))
          .result,
      "it is");
}

TEST_F(WorkerRunner, LoopMayGoWithWorkersRunning) {
  boost::asio::io_context loop;
  wire::LoopTimers driver(loop);
  Runner runner(loop, clock_, driver.timers(), Launcher{root_, "", "sh", ""}, {});
  EXPECT_EQ(runner.run(script("sleep 1000"), [](const WorkerAnswer&) {}), std::nullopt);
  loop.run_one();
  EXPECT_EQ(runner.running(), 1U);
}

}  // namespace
}  // namespace elves::worker
