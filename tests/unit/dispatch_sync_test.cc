// Promise: a synchronous job runs at most once, and its caller is told.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

TEST(SyncJob, IsAcknowledgedOnlyOnceItsReplyIsConfirmed) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  ASSERT_EQ(bench.agents.calls.size(), 1U);
  bench.agents.answer(1, "hello");
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->result, "hello");
  EXPECT_TRUE(bench.publisher.answer(0).outcome.succeeded());
  EXPECT_TRUE(bench.acker.tags.empty());
  EXPECT_EQ(bench.dispatcher.open(), 1U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{1});
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(SyncJob, DeadlineIsTimeoutPlusGrace) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  EXPECT_EQ(bench.agents.calls.front().deadline.at() - bench.clock.now(), Millis(33000));
}

TEST(SyncJob, FailureOfTheCallIsItsError) {
  for (const auto code : {ErrorCode::send_failed, ErrorCode::job_timeout, ErrorCode::outcome_unknown,
                          ErrorCode::agent_answer_illegal, ErrorCode::overloaded}) {
    Bench bench;
    bench.dispatcher.submit(request(JobType::sync));
    bench.agents.fail(code, true);
    const Outcome& outcome = bench.publisher.answer(0).outcome;
    EXPECT_EQ(outcome.error->code, code);
    EXPECT_EQ(outcome.agent.error->code, code);
    EXPECT_FALSE(outcome.agent.ok);
    EXPECT_FALSE(outcome.rejected);
    EXPECT_FALSE(outcome.succeeded());
  }
}

TEST(SyncJob, RedeliveredWhileOpenIsTheSameJob) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync, "", 1, 1));
  auto again = request(JobType::sync, "", 1, 2);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  EXPECT_EQ(bench.agents.calls.size(), 1U);
  EXPECT_EQ(bench.metrics[Event::redelivery_joined], 1);
  bench.agents.answer(1);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(SyncJob, RedeliveredUnknownIsNeverRunAndItsCallerIsTold) {
  Bench bench;
  auto again = request(JobType::sync);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(SyncJob, AcknowledgedOnAConnectionThatWasLostBeforeGetsNoSecondReply) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync, "", 1, 1));
  bench.dispatcher.deliveries_lost();
  bench.agents.answer(1);
  bench.publisher.confirm_all();
  auto again = request(JobType::sync, "", 1, 2);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  EXPECT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.acker.tags.size(), 2U);
}

TEST(SyncJob, WhoseAcknowledgementWasLostIsAcknowledgedAgainWithoutASecondReply) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync, "", 1, 1));
  bench.agents.answer(1);
  bench.publisher.confirm_all();
  bench.dispatcher.deliveries_lost();
  auto again = request(JobType::sync, "", 1, 2);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  EXPECT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.acker.tags.size(), 2U);
}

TEST(SyncJob, TwoEqualRequestsAreTwoJobs) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync, "", 1));
  bench.dispatcher.submit(request(JobType::sync, "", 2));
  EXPECT_EQ(bench.agents.calls.size(), 2U);
}

TEST(SyncJob, TwoEqualRequestsRedeliveredJoinOneEach) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync, "", 1, 1));
  bench.dispatcher.submit(request(JobType::sync, "", 2, 1));
  for (const std::uint64_t tag : {1U, 2U}) {
    auto again = request(JobType::sync, "", tag, 2);
    again.redelivered = true;
    bench.dispatcher.submit(Submission(again));
  }
  EXPECT_EQ(bench.agents.calls.size(), 2U);
  bench.agents.answer(1);
  bench.agents.answer(1);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.publisher.sent.size(), 2U);
  EXPECT_EQ(bench.acker.tags.size(), 2U);
}

TEST(SyncJob, ProcessorsFailureChangesTheResultButNotTheWorkersAnswer) {
  Bench bench;
  auto submission = request(JobType::sync);
  submission.job.mode = "SAP";
  bench.dispatcher.submit(Submission(submission));
  bench.agents.answer(1, "done");
  ASSERT_EQ(bench.processors.calls.size(), 1U);
  EXPECT_TRUE(bench.publisher.sent.empty());
  bench.processors.fail("down");
  const Outcome& outcome = bench.publisher.answer(0).outcome;
  EXPECT_EQ(outcome.worker->result, "done");
  EXPECT_EQ(outcome.error->code, ErrorCode::processor_failed);
  EXPECT_FALSE(outcome.succeeded());
}

TEST(Rejection, IsAnsweredAndAcknowledged) {
  Bench bench;
  auto submission = request(JobType::sync);
  submission.rejected = Error{ErrorCode::illegal_ip, "x"};
  EXPECT_FALSE(bench.dispatcher.submit(Submission(submission)));
  EXPECT_TRUE(bench.publisher.answer(0).outcome.rejected);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(Rejection, ThatNobodyCanBeToldIsADeadLetter) {
  Bench bench;
  auto submission = request(JobType::sync);
  submission.rejected = Error{ErrorCode::message_malformed, "no JSON"};
  submission.answerable = false;
  submission.body = "garbage";
  bench.dispatcher.submit(Submission(submission));
  EXPECT_EQ(std::get<DeadLetter>(bench.publisher.sent.at(0).what).body, "garbage");
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
}

TEST(Limits, BeyondMaxOpenIsOverloaded) {
  DispatchLimits limits;
  limits.max_open = 1;
  Bench bench(limits);
  bench.dispatcher.submit(request(JobType::sync, "", 1));
  const auto second = bench.dispatcher.submit(request(JobType::sync, "", 2));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::overloaded);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::overloaded);
}

TEST(Limits, BeyondMaxOpenBytesIsOverloaded) {
  DispatchLimits limits;
  limits.max_open_bytes = 1000;
  Bench bench(limits);
  const auto submit = [&](std::uint64_t tag, std::size_t size) {
    Submission submission = request(JobType::sync, "", tag);
    submission.job.param = std::string(size, 'p');
    return bench.dispatcher.submit(std::move(submission));
  };
  ASSERT_TRUE(submit(1, 600));
  ASSERT_TRUE(submit(2, 600)) << "one may bring them over it";
  const auto third = submit(3, 0);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().detail, "open jobs hold job.maxOpenBytes of params and results");
  bench.agents.answer(1, std::string(500, 'r'));
  EXPECT_EQ(bench.dispatcher.counts().bytes, 1700U) << "until its answer is confirmed";
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.dispatcher.counts().bytes, 600U);
  EXPECT_TRUE(submit(4, 10));
}

TEST(Drain, WaitsForOpenJobsAndTheirConfirms) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  bool drained = false;
  bench.dispatcher.drain([&] { drained = true; });
  EXPECT_FALSE(bench.dispatcher.submit(request(JobType::sync, "", 2)));
  bench.agents.answer(1);
  EXPECT_FALSE(drained);
  bench.publisher.confirm_all();
  bench.pass(Millis(20));
  EXPECT_TRUE(drained);
}

TEST(Drain, WithoutTimeLeftTellsOutcomeUnknown) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  bool drained = false;
  bench.dispatcher.drain([&] { drained = true; });
  bench.dispatcher.give_up();
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
  bench.publisher.confirm_all();
  bench.pass(Millis(20));
  EXPECT_TRUE(drained);
  bench.agents.answer(1);
  EXPECT_EQ(bench.publisher.sent.size(), 1U);
}

TEST(Drain, LeavesAsynchronousRequestsToTheBroker) {
  Bench bench;
  bench.dispatcher.drain([] {});
  EXPECT_FALSE(bench.dispatcher.submit(request(JobType::queue)));
  EXPECT_TRUE(bench.acker.tags.empty());
  EXPECT_TRUE(bench.publisher.sent.empty());
}

}  // namespace
}  // namespace elves::testing
