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
  auto brought = result("task-1", "done");
  brought.request = request(JobType::queue).job.request();
  brought.may_be_repeat = true;
  pair.other.dispatcher.deliver(brought, kIgnore);
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
  auto brought = result("task-1", "done");
  brought.exec_id = "0123456789ABCDEF";  // of the scheduler that sent it
  brought.request = request(JobType::queue).job.request();
  brought.may_be_repeat = true;
  bench.dispatcher.deliver(brought, kIgnore);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_TRUE(bench.publisher.answer(1).outcome.succeeded());
  EXPECT_EQ(bench.publisher.notices.size(), 1U);
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
