// A second attempt is made only where asked, only when nothing was sent, and ends in one terminal message.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

constexpr Millis kPause{100};

DispatchLimits limits(std::uint32_t attempts, Millis pause = kPause) {
  DispatchLimits limits;
  limits.retry = {attempts, pause, Millis(400)};
  return limits;
}

Submission task_with_reply() {
  auto submission = request(JobType::queue);
  submission.job.reply = ReplyRoute{true, "caller", ""};
  return submission;
}

// Submits a queue task whose agent cannot be reached at the first attempt.
LogId unreached(Bench& bench, Submission submission = request(JobType::queue)) {
  const auto id = bench.dispatcher.submit(std::move(submission));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::send_failed, false);
  return *id;
}

// Lets the pause pass and the journal note the next attempt; answers whether there is one.
bool next_attempt(Bench& bench, Millis pause = kPause) {
  bench.pass(pause);
  bench.journal.commit();
  return !bench.agents.calls.empty();
}

const JobRecord& kept(const Bench& bench) { return bench.journal.records.begin()->second; }

TEST(Retry, IsNotMadeUnlessAskedFor) {
  Bench bench;
  unreached(bench);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_FALSE(next_attempt(bench, Seconds(40)));
  EXPECT_EQ(bench.metrics[Event::job_retried], 0);
}

TEST(Retry, ReachedAtLastTheJobGoesOnAsAnyOther) {
  Bench bench(limits(3));
  const LogId id = unreached(bench);
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_TRUE(next_attempt(bench));
  EXPECT_EQ(bench.agents.calls.front().job->log_id, id);
  EXPECT_FALSE(bench.agents.calls.front().job->may_be_repeat);
  bench.agents.answer(1);
  bench.journal.commit();
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  bench.publisher.confirm_all();
  bench.pass(Seconds(40));
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_TRUE(bench.publisher.answer(0).outcome.succeeded());
  EXPECT_EQ(bench.publisher.answer(0).outcome.attempts, 2U);
  EXPECT_FALSE(bench.publisher.answer(0).outcome.agent.error);
  EXPECT_EQ(bench.metrics[Event::job_retried], 1);
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Retry, LastAttemptEndsTheJobOnce) {
  Bench bench(limits(3));
  unreached(bench);
  for (int attempt = 2; attempt <= 3; ++attempt) {
    EXPECT_EQ(bench.publisher.terminals(), 0U);
    ASSERT_TRUE(next_attempt(bench, Millis(400))) << attempt;
    bench.agents.fail(ErrorCode::send_failed, false);
  }
  bench.journal.commit();
  EXPECT_FALSE(next_attempt(bench, Seconds(40)));
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error, (Error{ErrorCode::send_failed, "because (attempt 3)"}));
  EXPECT_EQ(bench.metrics[Event::job_retried], 2);
}

TEST(Retry, RequestIsAcknowledgedAndTheRecordStandsForIt) {
  Bench bench(limits(3));
  unreached(bench);
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_TRUE(kept(bench).acknowledged);
  EXPECT_TRUE(kept(bench).unsent);
  EXPECT_EQ(kept(bench).outcome.attempts, 1U);
  next_attempt(bench);
  EXPECT_TRUE(kept(bench).acknowledged);
  EXPECT_FALSE(kept(bench).unsent);
  EXPECT_EQ(kept(bench).outcome.attempts, 2U);
}

TEST(Retry, WhatIsForgottenWithTheProcessStaysTheBrokers) {
  Bench bench(limits(3));
  bench.journal.is_durable = false;
  unreached(bench);
  bench.journal.commit();
  EXPECT_TRUE(bench.acker.tags.empty());
  EXPECT_FALSE(kept(bench).acknowledged);
  EXPECT_TRUE(next_attempt(bench));
}

TEST(Retry, IsOnlyForWhatWasNotSent) {
  for (const auto code : {ErrorCode::outcome_unknown, ErrorCode::agent_answer_illegal}) {
    Bench bench(limits(3));
    bench.dispatcher.submit(request(JobType::queue));
    bench.journal.commit();
    bench.agents.fail(code, true);
    EXPECT_FALSE(next_attempt(bench));
  }
  for (const auto code : {ErrorCode::overloaded, ErrorCode::job_timeout}) {
    Bench bench(limits(3));
    bench.dispatcher.submit(request(JobType::queue));
    bench.journal.commit();
    bench.agents.fail(code, false);
    EXPECT_FALSE(next_attempt(bench));
    EXPECT_EQ(bench.publisher.terminals(), 1U);
  }
}

TEST(Retry, SynchronousJobHasNone) {
  Bench bench(limits(3));
  bench.dispatcher.submit(request(JobType::sync));
  bench.agents.fail(ErrorCode::send_failed, false);
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::send_failed);
  EXPECT_EQ(bench.publisher.answer(0).outcome.attempts, 1U);
  EXPECT_FALSE(next_attempt(bench, Seconds(40)));
}

TEST(Retry, NoneBeginsAfterTheDeadline) {
  Bench bench(limits(1000));
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.pass(Millis(34995));  // 5 ms before its end; a pause is 10 ms or more
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::send_failed);
  EXPECT_FALSE(next_attempt(bench));
}

TEST(Retry, AcceptanceWaitsForTheAgentOrTheEnd) {
  for (const bool reached : {true, false}) {
    Bench bench(limits(2));
    unreached(bench, task_with_reply());
    bench.journal.commit();
    EXPECT_TRUE(bench.publisher.sent.empty());
    ASSERT_TRUE(next_attempt(bench));
    reached ? bench.agents.answer(1) : bench.agents.fail(ErrorCode::send_failed, false);
    bench.journal.commit();
    ASSERT_EQ(bench.publisher.sent.size(), reached ? 1U : 2U);
    EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
    EXPECT_EQ(bench.publisher.answer(0).outcome.running, reached);
  }
}

TEST(Retry, JournalThatRefusesWhileItWaitsLeavesTheRequestToTheBroker) {
  Bench bench(limits(2));
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.journal.refuse = true;
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  EXPECT_TRUE(bench.acker.tags.empty());
  EXPECT_FALSE(next_attempt(bench));  // not called while the journal cannot tell of it
  bench.journal.refuse = false;
  ASSERT_TRUE(next_attempt(bench));
  EXPECT_EQ(kept(bench).outcome.attempts, 2U);
  bench.agents.answer(1);
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Retry, JournalThatRefusesToTheEndEndsTheJobOnce) {
  Bench bench(limits(3));
  unreached(bench);
  bench.journal.refuse = true;
  for (int i = 0; i < 4000; ++i) {
    bench.pass(Millis(10));
    bench.journal.commit();
  }
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::overloaded);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(Retry, RedeliveredRequestJoinsTheJobThatWaits) {
  for (const bool acknowledged : {true, false}) {
    Bench bench(limits(2));
    bench.dispatcher.submit(request(JobType::cron, "cron-7"));
    bench.journal.commit();
    bench.journal.refuse = !acknowledged;
    bench.agents.fail(ErrorCode::send_failed, false);
    bench.journal.commit();
    bench.journal.refuse = false;
    bench.dispatcher.deliveries_lost();
    auto again = request(JobType::cron, "cron-7", 2, 2);
    again.redelivered = true;
    bench.dispatcher.submit(Submission(again));
    bench.journal.commit();
    EXPECT_TRUE(bench.agents.calls.empty());
    ASSERT_TRUE(next_attempt(bench));
    EXPECT_EQ(bench.agents.calls.size(), 1U);
    bench.agents.answer(1);
    bench.journal.commit();
    EXPECT_EQ(bench.acker.tags.back(), 2U);
  }
}

TEST(Retry, LimitsThatChangeHoldForTheNextFailure) {
  Bench bench(limits(5));
  unreached(bench);
  bench.dispatcher.set_limits(limits(2));
  ASSERT_TRUE(next_attempt(bench));
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(RetryRestart, JobThatWaitsIsTriedByTheNextProcess) {
  Bench old(limits(3));
  unreached(old, task_with_reply());
  old.journal.commit();
  Bench bench(limits(3));
  bench.journal.records = old.journal.records;
  bench.dispatcher.recover({kept(old)});
  bench.journal.commit();
  ASSERT_EQ(bench.agents.calls.size(), 1U);
  EXPECT_FALSE(bench.agents.calls.front().job->may_be_repeat);
  bench.agents.fail(ErrorCode::send_failed, false);
  ASSERT_TRUE(next_attempt(bench, Millis(200)));
  EXPECT_EQ(kept(bench).outcome.attempts, 3U);
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  ASSERT_FALSE(bench.publisher.sent.empty());
  EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(RetryRestart, AttemptThatWasInterruptedMayBeARepeat) {
  Bench old(limits(3));
  unreached(old);
  ASSERT_TRUE(next_attempt(old));
  Bench bench(limits(3));
  bench.dispatcher.recover({kept(old)});
  bench.journal.commit();
  ASSERT_EQ(bench.agents.calls.size(), 1U);
  EXPECT_TRUE(bench.agents.calls.front().job->may_be_repeat);
}

TEST(RetryDrain, WaitsForNoJobThatTheJournalHas) {
  Bench bench(limits(3));
  unreached(bench);
  bool drained = false;
  bench.dispatcher.drain([&] { drained = true; });
  EXPECT_FALSE(drained);  // the journal has not said so
  bench.journal.commit();
  bench.pass(Millis(20));
  EXPECT_TRUE(drained);
  EXPECT_FALSE(next_attempt(bench, Millis(400)));
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(RetryDrain, EndsWhatWouldBeForgotten) {
  Bench bench(limits(3, Millis(10)));
  bench.journal.is_durable = false;
  unreached(bench);
  bench.journal.commit();
  bench.dispatcher.drain([] {});
  bench.dispatcher.give_up();
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::send_failed);
}

}  // namespace
}  // namespace elves::testing
