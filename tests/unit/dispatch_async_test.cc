// Promise: an asynchronous job ends in exactly one terminal message.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

TEST(AsyncJob, CallsTheAgentOnlyOnceTheJournalHasIt) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  EXPECT_TRUE(bench.agents.calls.empty());
  bench.journal.commit();
  EXPECT_EQ(bench.agents.calls.size(), 1U);
}

TEST(AsyncJob, IsAcknowledgedOnlyOnceTheJournalHasTheAcceptance) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.answer(1);
  EXPECT_TRUE(bench.acker.tags.empty());
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_TRUE(bench.publisher.sent.empty());
}

TEST(AsyncJob, AgentHearsSuccessOnlyOnceTheJournalHasTheResult) {
  Bench bench;
  accepted(bench);
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  EXPECT_EQ(taken.yes, 0);
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->result, "done");
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(AsyncJob, UnreachableAgentEndsItOnce) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::send_failed);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  bench.pass(Seconds(100));
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(AsyncJob, WithoutResultItTimesOutOnceAndTheLateResultIsDeliveredOnce) {
  Bench bench;
  accepted(bench);
  bench.pass(Millis(34999));
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.pass(Millis(1));
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::job_timeout);
  bench.publisher.confirm_all();

  Taken taken;
  bench.dispatcher.deliver(result("task-1", "late"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_EQ(bench.publisher.answer(1).outcome.worker->result, "late");
  EXPECT_FALSE(bench.publisher.answer(1).outcome.error);
  EXPECT_EQ(bench.metrics[Event::result_late], 1);
  bench.publisher.confirm_all();

  bench.dispatcher.deliver(result("task-1", "late"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_EQ(taken.yes, 2);
}

TEST(AsyncJob, LateResultWaitsForTheUnconfirmedTimeout) {
  Bench bench;
  accepted(bench);
  bench.pass(Seconds(35));
  bench.journal.commit();
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "late"), taken.callback());
  bench.dispatcher.deliver(result("task-1", "late"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(taken.yes, 0);
  bench.publisher.confirm_all();
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_EQ(taken.yes, 2);
}

TEST(AsyncJob, SecondResultIsAnsweredAndGoesNowhere) {
  Bench bench;
  accepted(bench);
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  bench.journal.commit();
  bench.publisher.confirm_all();
  bench.dispatcher.deliver(result("task-1", "other"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(taken.yes, 3);
  EXPECT_EQ(bench.metrics[Event::result_duplicate], 2);
}

TEST(AsyncJob, ResultThatCannotBeKeptIsNotTakenAndCountsWhenItComesAgain) {
  Bench bench;
  accepted(bench);
  Taken taken;
  bench.journal.refuse = true;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  EXPECT_EQ(bench.dispatcher.counts().bytes, 0U);
  bench.journal.refuse = false;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(AsyncJob, WhatTheJournalCannotKeepIsOverloadedNotForgotten) {
  Bench bench;
  bench.journal.refuse = true;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::overloaded);
}

TEST(AsyncJob, IsRecordedOnlyOnceTheJournalHasIt) {
  Bench bench;
  std::vector<Result<LogId>> heard;
  auto submission = request(JobType::queue);
  submission.on_recorded = [&](Result<LogId> kept) {
    EXPECT_TRUE(bench.agents.calls.empty());
    heard.push_back(std::move(kept));
  };
  const auto id = bench.dispatcher.submit(std::move(submission));
  EXPECT_TRUE(heard.empty());
  bench.journal.commit();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(*heard[0], *id);
  bench.agents.answer(1);
  bench.journal.commit();
  EXPECT_EQ(heard.size(), 1U);
}

TEST(AsyncJob, IsNotRecordedWhenTheJournalRefusesIt) {
  Bench bench;
  bench.journal.refuse = true;
  std::vector<Result<LogId>> heard;
  auto submission = request(JobType::queue);
  submission.on_recorded = [&](Result<LogId> kept) { heard.push_back(std::move(kept)); };
  bench.dispatcher.submit(std::move(submission));
  bench.journal.commit();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].error().code, ErrorCode::overloaded);
  EXPECT_TRUE(bench.agents.calls.empty());
}

TEST(AsyncJob, LostAcceptanceWaitsForTheResult) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::outcome_unknown, true);
  bench.journal.commit();
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "done after all"), taken.callback());
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_TRUE(bench.publisher.answer(0).outcome.succeeded());
}

TEST(AsyncJob, LostAcceptanceWithoutResultEndsAsUnknown) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::outcome_unknown, true);
  bench.journal.commit();
  bench.pass(Seconds(35));
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
}

TEST(AsyncJob, RefusedByTheAgentEndsWithItsFlag) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.answer(-1, "app not installed");
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->flag, -1);
}

TEST(AsyncJob, AcceptanceIsSentOnlyWhereAskedAndBeforeTheResult) {
  Bench bench;
  auto submission = request(JobType::queue);
  submission.job.reply = ReplyRoute{true, "caller", ""};
  bench.dispatcher.submit(Submission(submission));
  bench.journal.commit();
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "quick"), taken.callback());  // before the agent's answer came in
  bench.journal.commit();
  bench.agents.answer(1);
  ASSERT_EQ(bench.publisher.sent.size(), 2U);
  EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
  EXPECT_EQ(bench.publisher.answer(1).kind, Answer::Kind::terminal);
}

TEST(AsyncJob, AcceptanceIsSentOnceHoweverTheResultAndTheJournalRace) {
  for (const bool kept_first : {true, false}) {
    Bench bench;
    auto submission = request(JobType::queue);
    submission.job.reply = ReplyRoute{true, "caller", ""};
    bench.dispatcher.submit(Submission(submission));
    bench.journal.commit();
    bench.agents.answer(1);
    if (kept_first) bench.journal.commit();
    bench.dispatcher.deliver(result("task-1", "quick"), kIgnore);
    bench.journal.commit();
    ASSERT_EQ(bench.publisher.sent.size(), 2U);
    EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
    EXPECT_TRUE(bench.publisher.answer(0).outcome.running);
  }
}

TEST(AsyncJob, AcceptanceTellsWhenTheAgentRefusedOrWasNotReached) {
  for (const bool refused : {true, false}) {
    Bench bench;
    auto submission = request(JobType::queue);
    submission.job.reply = ReplyRoute{true, "caller", ""};
    bench.dispatcher.submit(Submission(submission));
    bench.journal.commit();
    refused ? bench.agents.answer(-1, "no") : bench.agents.fail(ErrorCode::send_failed, false);
    EXPECT_TRUE(bench.publisher.sent.empty()) << "the journal does not have it yet";
    bench.journal.commit();
    ASSERT_EQ(bench.publisher.sent.size(), 2U);
    EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
    EXPECT_FALSE(bench.publisher.answer(0).outcome.running);
    EXPECT_FALSE(bench.publisher.answer(0).outcome.succeeded());
    EXPECT_EQ(bench.publisher.terminals(), 1U);
  }
}

}  // namespace
}  // namespace elves::testing
