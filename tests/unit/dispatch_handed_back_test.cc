// Jobs that ended without having been sent, and whose message the broker may not have got.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

// Settled as never sent, and its message is with the publisher.
void unreachable(Bench& bench) {
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
}

// And then both connections broke.
void handed_back(Bench& bench) {
  unreachable(bench);
  bench.dispatcher.deliveries_lost();
  bench.publisher.lose(0);
}

// Of the same request, sent by another scheduler.
AgentResult repeated_result() {
  auto brought = result("task-1", "done");
  brought.request = request(JobType::queue).job.request();
  brought.may_be_repeat = true;
  return brought;
}

TEST(HandedBack, ARequestIsTheBrokersUntilItsFailureIsConfirmed) {
  Bench bench;
  unreachable(bench);
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{1});
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(HandedBack, APublisherThatLostItsConnectionAloneSendsItAgain) {
  Bench bench;
  unreachable(bench);
  bench.publisher.lose(0);
  EXPECT_EQ(bench.publisher.terminals(), 2U);
}

TEST(HandedBack, WhoGetsTheRequestTellsHowItEnds) {
  Pair pair;
  handed_back(pair.one);
  accepted(pair.other, redelivered());
  pair.other.dispatcher.deliver(repeated_result(), kIgnore);
  pair.other.journal.commit();
  EXPECT_EQ(pair.other.publisher.terminals(), 1U);
  pair.tell(pair.other, pair.one);
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
  pair.one.pass(Seconds(60));
  EXPECT_EQ(pair.one.publisher.terminals(), 1U) << "the lost one";
  EXPECT_EQ(pair.one.journal.records.begin()->second.outcome.worker->result, "done");
}

TEST(HandedBack, ItsResultMayComeHere) {
  Bench bench;
  handed_back(bench);
  auto brought = repeated_result();
  brought.exec_id = "0123456789ABCDEF";  // of the scheduler that sent it
  bench.dispatcher.deliver(brought, kIgnore);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_TRUE(bench.publisher.answer(1).outcome.succeeded());
  EXPECT_EQ(bench.publisher.notices.size(), 1U);
}

// The consumer is back before the publisher.
TEST(HandedBack, WhatWasToldBeforeCounts) {
  Pair pair;
  unreachable(pair.one);
  pair.one.dispatcher.deliveries_lost();
  accepted(pair.other, redelivered());
  pair.other.dispatcher.deliver(repeated_result(), kIgnore);
  pair.other.journal.commit();
  pair.tell(pair.other, pair.one);
  EXPECT_EQ(pair.one.dispatcher.open(), 1U);
  pair.one.publisher.lose(0);
  pair.one.journal.commit();
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
  EXPECT_EQ(pair.one.metrics[Event::settled_elsewhere], 1);
  pair.one.pass(Seconds(60));
  EXPECT_EQ(pair.one.publisher.terminals(), 1U) << "the lost one";
}

TEST(HandedBack, AResultThatCameBeforeIsTakenThen) {
  Bench bench;
  Taken taken;
  unreachable(bench);
  bench.dispatcher.deliveries_lost();
  bench.dispatcher.deliver(repeated_result(), taken.callback());
  EXPECT_EQ(taken.yes, 0);
  bench.publisher.lose(0);
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  ASSERT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_TRUE(bench.publisher.answer(1).outcome.succeeded());
}

TEST(HandedBack, ARequestThatComesHereAgainIsAnsweredAtOnce) {
  Bench bench;
  handed_back(bench);
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  bench.dispatcher.submit(redelivered());
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{1});
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(HandedBack, ARequestThatComesNowhereEndsInItsTime) {
  Bench bench;
  handed_back(bench);
  bench.pass(Seconds(20));
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  bench.pass(Seconds(60));
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_EQ(bench.publisher.answer(1).outcome.error->code, ErrorCode::send_failed);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(HandedBack, TheNextProcessKnowsOfIt) {
  Bench before;
  unreachable(before);
  Bench bench;
  std::vector<JobRecord> left{before.journal.records.begin()->second};
  bench.dispatcher.recover(std::move(left));
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.dispatcher.submit(redelivered());
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{1});
}

TEST(HandedBack, AFailureThatNobodyListensToHoldsNoDelivery) {
  Bench bench;
  unreachable(bench);
  bench.publisher.answer(0).returned();
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{1});
}

}  // namespace
}  // namespace elves::testing
