// How long a delivery is held, and results that nobody listens for.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

DispatchLimits limits() {
  DispatchLimits limits;
  limits.max_hold = Seconds(80);
  limits.keep_unheard = Seconds(600);
  limits.max_unheard = 2;
  return limits;
}

Submission slow(JobType type) {
  auto job = request(type);
  job.job.timeout = Seconds(10000);
  return job;
}

TEST(Hold, ALongSynchronousJobIsTheJournalsBeforeTheBrokerTakesItBack) {
  Bench bench(limits());
  bench.dispatcher.submit(slow(JobType::sync));
  bench.pass(Seconds(60));
  EXPECT_TRUE(bench.acker.tags.empty());
  for (int i = 0; i < 2; ++i) bench.pass(Seconds(10));
  EXPECT_TRUE(bench.acker.tags.empty());  // not before it is durable
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  bench.agents.answer(1, "at last");
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(Hold, AJournalThatCannotKeepItKeepsTheDelivery) {
  Bench bench(limits());
  bench.dispatcher.submit(slow(JobType::sync));
  bench.journal.refuse = true;
  for (int i = 0; i < 9; ++i) bench.pass(Seconds(10));
  bench.journal.commit();
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.journal.refuse = false;
  bench.pass(Seconds(10));
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(Hold, WhatWasAcknowledgedEarlyIsAnsweredByTheNextProcess) {
  Bench first(limits());
  first.dispatcher.submit(slow(JobType::sync));
  for (int i = 0; i < 9; ++i) first.pass(Seconds(10));
  first.journal.commit();
  Bench second(limits());
  second.dispatcher.recover({first.journal.records.begin()->second});
  ASSERT_EQ(second.publisher.sent.size(), 1U);
  EXPECT_EQ(second.publisher.answer(0).kind, Answer::Kind::reply);
  EXPECT_EQ(second.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
  EXPECT_TRUE(second.agents.calls.empty());
  // Had the process ended just before the acknowledgement, the broker would deliver it again.
  auto again = slow(JobType::sync);
  again.redelivered = true;
  second.dispatcher.submit(Submission(again));
  EXPECT_EQ(second.publisher.sent.size(), 1U);
  EXPECT_EQ(second.acker.tags.size(), 1U);
}

TEST(Hold, AReplyThatCannotLeaveIsKeptToo) {
  Bench first(limits());
  first.dispatcher.submit(slow(JobType::sync));
  first.agents.answer(1, "done");
  for (int i = 0; i < 9; ++i) first.pass(Seconds(10));
  first.journal.commit();
  EXPECT_EQ(first.acker.tags.size(), 1U);
  Bench second(limits());
  second.dispatcher.recover({first.journal.records.begin()->second});
  EXPECT_EQ(second.publisher.answer(0).outcome.worker->result, "done");
}

TEST(Hold, ARejectionThatCannotLeaveIsAcknowledgedOnce) {
  Bench bench(limits());
  auto illegal = request(JobType::sync);
  illegal.rejected = Error{ErrorCode::illegal_app, "none"};
  bench.dispatcher.submit(Submission(illegal));
  for (int i = 0; i < 9; ++i) bench.pass(Seconds(10));
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

void return_last(Bench& bench) { std::get<Answer>(bench.publisher.sent.back().what).returned(); }

void end_with_result(Bench& bench, const std::string& id = "task-1") {
  accepted(bench, request(JobType::queue, id));
  bench.dispatcher.deliver(result(id, "done"), kIgnore);
  bench.journal.commit();
}

TEST(Unheard, AResultIsSentAgainUntilSomebodyListens) {
  Bench bench(limits());
  end_with_result(bench);
  return_last(bench);
  EXPECT_EQ(bench.dispatcher.open(), 1U);
  bench.pass(Seconds(1));
  ASSERT_EQ(bench.publisher.terminals(), 2U);
  return_last(bench);
  bench.pass(Seconds(60));
  ASSERT_EQ(bench.publisher.terminals(), 3U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Unheard, AfterItsTimeItIsADeadLetter) {
  Bench bench(limits());
  end_with_result(bench);
  return_last(bench);
  while (std::get<Answer>(bench.publisher.sent.back().what).returned) {
    bench.pass(Seconds(60));
    if (std::get<Answer>(bench.publisher.sent.back().what).returned) return_last(bench);
  }
  EXPECT_GT(bench.publisher.terminals(), 9U);
  bench.publisher.sent.back().done();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Unheard, BeyondTheLimitTheNewestBecomeDeadLetters) {
  Bench bench(limits());
  for (const auto* id : {"one", "two", "three"}) {
    end_with_result(bench, id);
    return_last(bench);
  }
  EXPECT_FALSE(std::get<Answer>(bench.publisher.sent.back().what).returned);
}

TEST(Unheard, DoesNotKeepTheProcess) {
  Bench bench(limits());
  end_with_result(bench);
  return_last(bench);
  bool drained = false;
  bench.dispatcher.drain([&] { drained = true; });
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace elves::testing
