// Which execution a result or a redelivered request belongs to.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

TEST(Cron, RepeatedIdSettlesTheOldestFirst) {
  Bench bench;
  accepted(bench, request(JobType::cron, "cron-7", 1));
  bench.pass(Seconds(1));
  accepted(bench, request(JobType::cron, "cron-7", 2));
  EXPECT_EQ(bench.agents.calls.size(), 0U);
  EXPECT_EQ(bench.dispatcher.open(), 2U);
  Taken taken;
  bench.dispatcher.deliver(result("cron-7", "first", "cron"), taken.callback());
  bench.dispatcher.deliver(result("cron-7", "second", "cron"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_LT(bench.publisher.answer(0).outcome.started, bench.publisher.answer(1).outcome.started);
}

TEST(Cron, ResultNamesItsExecutionWhenTheAgentEchoesIt) {
  Bench bench;
  accepted(bench, request(JobType::cron, "cron-7", 1));
  const auto second = bench.dispatcher.submit(request(JobType::cron, "cron-7", 2));
  bench.journal.commit();
  bench.agents.answer(1);
  bench.journal.commit();
  auto echoed = result("cron-7", "second", "cron");
  echoed.exec_id = second->text();
  bench.dispatcher.deliver(echoed, kIgnore);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.answer(0).job->log_id, *second);
}

TEST(QueueTask, RedeliveredAfterAcceptanceIsOnlyAcknowledged) {
  Bench bench;
  accepted(bench);
  auto again = request(JobType::queue, "task-1", 1, 2);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  EXPECT_EQ(bench.acker.tags.size(), 2U);
}

TEST(QueueTask, RedeliveredAfterItsEndIsOnlyAcknowledged) {
  Bench bench;
  accepted(bench);
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  bench.publisher.confirm_all();
  auto again = request(JobType::queue, "task-1", 1, 2);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(QueueTask, RedeliveredUnknownRunsAndSaysThatItMayBeARepeat) {
  Bench bench;
  auto again = request(JobType::queue);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  ASSERT_EQ(bench.agents.calls.size(), 1U);
  EXPECT_TRUE(bench.agents.calls.front().job->may_be_repeat);
}

TEST(UnknownResult, IsForwardedOnce) {
  Bench bench;
  Taken taken;
  bench.dispatcher.deliver(result("elsewhere", "x"), taken.callback());
  bench.journal.commit();
  bench.publisher.confirm_all();
  bench.dispatcher.deliver(result("elsewhere", "x"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(taken.yes, 2);
  EXPECT_EQ(bench.metrics[Event::result_unknown], 1);
}

TEST(UnknownResult, OfASynchronousJobIsADeadLetter) {
  Bench bench;
  Taken taken;
  bench.dispatcher.deliver(result("x", "text", "rt"), taken.callback());
  EXPECT_EQ(taken.yes, 0);
  bench.publisher.confirm_all();
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(std::get<DeadLetter>(bench.publisher.sent.at(0).what).body, "text");
}

TEST(Cron, WhoseAcknowledgementWasLostIsNotRunAgain) {
  for (const bool finished : {false, true}) {
    Bench bench;
    accepted(bench, request(JobType::cron, "cron-7", 1, 1));
    if (finished) {
      bench.dispatcher.deliver(result("cron-7", "done", "cron"), kIgnore);
      bench.journal.commit();
      bench.publisher.confirm_all();
    }
    bench.dispatcher.deliveries_lost();
    auto again = request(JobType::cron, "cron-7", 1, 2);
    again.redelivered = true;
    bench.dispatcher.submit(Submission(again));
    bench.journal.commit();
    EXPECT_TRUE(bench.agents.calls.empty());
    EXPECT_EQ(bench.acker.tags.size(), 2U);
  }
}

TEST(Cron, AcknowledgedOnAConnectionThatWasLostBeforeIsNotRunAgain) {
  for (const bool finished : {false, true}) {
    Bench bench;
    bench.dispatcher.submit(request(JobType::cron, "cron-7", 1, 1));
    bench.journal.commit();
    bench.dispatcher.deliveries_lost();
    bench.agents.answer(1);
    bench.journal.commit();
    if (finished) {
      bench.dispatcher.deliver(result("cron-7", "done", "cron"), kIgnore);
      bench.journal.commit();
      bench.publisher.confirm_all();
    }
    auto again = request(JobType::cron, "cron-7", 1, 2);
    again.redelivered = true;
    bench.dispatcher.submit(Submission(again));
    bench.journal.commit();
    EXPECT_TRUE(bench.agents.calls.empty());
    EXPECT_EQ(bench.acker.tags.size(), 2U);
  }
}

TEST(Cron, FiringRedeliveredLongAfterTheLastOneWasAcknowledgedIsANewOne) {
  Bench bench;
  accepted(bench, request(JobType::cron, "cron-7", 1, 1));
  bench.pass(Seconds(61));
  bench.dispatcher.deliveries_lost();
  auto next = request(JobType::cron, "cron-7", 1, 2);
  next.redelivered = true;
  bench.dispatcher.submit(Submission(next));
  bench.journal.commit();
  EXPECT_EQ(bench.agents.calls.size(), 1U);
}

TEST(Drain, LeavesAcceptedJobsToADurableJournalOnly) {
  for (const bool durable : {true, false}) {
    Bench bench;
    bench.journal.is_durable = durable;
    accepted(bench);
    bool drained = false;
    bench.dispatcher.drain([&] { drained = true; });
    EXPECT_EQ(drained, durable);
    bench.dispatcher.give_up();
    bench.journal.commit();
    EXPECT_EQ(bench.publisher.terminals(), durable ? 0U : 1U);
  }
}

}  // namespace
}  // namespace elves::testing
