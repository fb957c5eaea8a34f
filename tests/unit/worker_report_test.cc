#include <gtest/gtest.h>

#include "worker/reporter.h"
#include "worker/result_spool.h"
#include "worker_state_fixture.h"

namespace elves::worker::test {
namespace {

class WorkerResultSpool : public StateFixture {
 public:
  WorkerResultSpool() { open(); }

  void add(const std::string& id) {
    spool().add(take(some("cron", id, id)).number, {.flag = 1, .costtime = 0, .result = id});
  }
  ResultSpool& spool() {
    if (!spool_) spool_ = std::make_unique<ResultSpool>(*state);
    return *spool_;
  }
  std::string front() {
    loop.until([this] { return !spool().empty(); }, "a result");
    return spool().front().id;
  }
  std::string pop() {
    const auto id = front();
    spool().pop(spool().front().may_be_repeat);
    return id;
  }

  std::unique_ptr<ResultSpool> spool_;
};

TEST_F(WorkerResultSpool, OldestFirst) {
  for (const auto* id : {"1", "2", "3"}) add(id);
  EXPECT_EQ(spool().count(), 3U);
  for (const auto* id : {"1", "2", "3"}) EXPECT_EQ(pop(), id);
  EXPECT_TRUE(spool().empty());
  EXPECT_EQ(spool().count(), 0U);
}

TEST_F(WorkerResultSpool, WhatIsPutBackComesAfterAllOthers) {
  for (const auto* id : {"1", "2", "3"}) add(id);
  results();  // all of them are written
  EXPECT_EQ(front(), "1");
  spool().put_back();
  for (const auto* id : {"2", "3", "1"}) EXPECT_EQ(pop(), id);
  EXPECT_EQ(spool().count(), 0U);
}

TEST_F(WorkerResultSpool, WhatIsPutBackAloneComesAgain) {
  add("1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(front(), "1");
    spool().put_back();
  }
  EXPECT_EQ(pop(), "1");
}

TEST_F(WorkerResultSpool, ThousandsComeInOrderAcrossARestart) {
  constexpr int kMany = 3000;
  for (int i = 0; i < kMany; ++i) add(std::to_string(i));
  for (int i = 0; i < 500; ++i) EXPECT_EQ(pop(), std::to_string(i));
  results();  // the last report is written
  spool_.reset();
  open_again();
  EXPECT_EQ(spool().count(), kMany - 500U);
  for (int i = 500; i < kMany; ++i) EXPECT_EQ(pop(), std::to_string(i));
  EXPECT_EQ(spool().count(), 0U);
}

TEST_F(WorkerResultSpool, ARepeatIsMarkedInMemoryToo) {
  const auto number = take(some("cron", "1", "E1")).number;
  spool().add(number, {.flag = 1, .costtime = 0, .result = ""});
  front();
  EXPECT_FALSE(spool().front().may_be_repeat);
  EXPECT_EQ(take(some("cron", "1", "E1")).kind, Kind::known);
  spool().mark_repeated(number);
  EXPECT_TRUE(spool().front().may_be_repeat);
}

TEST_F(WorkerResultSpool, ARepeatDuringTheReportBringsItOnceMore) {
  add("1");
  front();
  EXPECT_EQ(take(some("cron", "1", "1")).kind, Kind::known);
  spool().pop(false);
  EXPECT_EQ(front(), "1");
  EXPECT_TRUE(spool().front().may_be_repeat);
  EXPECT_EQ(spool().count(), 1U);
  spool().pop(true);
  EXPECT_EQ(spool().count(), 0U);
  EXPECT_TRUE(results().empty());
}

TEST(WorkerReporter, PausesGrowToHalfAMinute) {
  EXPECT_EQ(longest_pause(0), Millis(200));
  EXPECT_EQ(longest_pause(1), Millis(400));
  EXPECT_EQ(longest_pause(7), Millis(25600));
  EXPECT_EQ(longest_pause(8), Millis(30000));
  EXPECT_EQ(longest_pause(4000000000U), Millis(30000));
}

}  // namespace
}  // namespace elves::worker::test
