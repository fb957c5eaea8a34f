// What a process that died left in the journal goes on in the next one.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

// Runs `before` on a dispatcher whose process then ends, and hands what its journal kept to `bench`.
void restart(Bench& bench, const std::function<void(Bench&)>& before) {
  Bench old;
  before(old);
  bench.clock.advance(std::chrono::duration_cast<Millis>(old.clock.now() - SteadyTime{}));
  bench.journal.records = old.journal.records;
  std::vector<JobRecord> left;
  left.reserve(old.journal.records.size());
  for (const auto& [id, record] : old.journal.records) left.push_back(record);
  bench.dispatcher.recover(std::move(left));
}

TEST(Recovery, AcceptedJobWaitsForItsResult) {
  Bench bench;
  restart(bench, [](Bench& old) { accepted(old); });
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->result, "done");
  EXPECT_TRUE(bench.agents.calls.empty());
}

TEST(Recovery, AcceptedJobKeepsItsDeadline) {
  Bench bench;
  restart(bench, [](Bench& old) {
    accepted(old);
    old.clock.advance(Seconds(30));
  });
  bench.pass(Millis(4999));
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.pass(Millis(1));
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::job_timeout);
}

TEST(Recovery, OverdueJobEndsAtOnce) {
  Bench bench;
  restart(bench, [](Bench& old) {
    accepted(old);
    old.clock.advance(Seconds(3600));
  });
  bench.pass(Millis(0));
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
}

TEST(Recovery, UnpublishedResultIsPublishedAgain) {
  Bench bench;
  restart(bench, [](Bench& old) {
    accepted(old);
    old.dispatcher.deliver(result("task-1", "done"), kIgnore);
    old.journal.commit();
  });
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  bench.publisher.confirm_all();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Recovery, PublishedResultIsNotPublishedAgainAndItsSecondResultGoesNowhere) {
  Bench bench;
  restart(bench, [](Bench& old) {
    accepted(old);
    old.dispatcher.deliver(result("task-1", "done"), kIgnore);
    old.journal.commit();
    old.publisher.confirm_all();
  });
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Recovery, ReceivedRequestComesBackUnderItsLogIdHoweverOftenTheProcessEnds) {
  for (const auto type : {JobType::cron, JobType::queue}) {
    Bench first;
    LogId before;
    restart(first, [&](Bench& old) {
      before = *old.dispatcher.submit(request(type));
      old.journal.commit();
    });
    EXPECT_EQ(first.dispatcher.open(), 0U);
    EXPECT_EQ(first.publisher.sent.size(), 0U);

    Bench second;
    second.dispatcher.recover({first.journal.records.begin()->second});  // what the first one wrote of it
    auto again = request(type, "task-1", 1, 1);
    again.redelivered = true;
    const auto after = second.dispatcher.submit(Submission(again));
    second.journal.commit();
    EXPECT_EQ(*after, before);
    ASSERT_EQ(second.agents.calls.size(), 1U);
    EXPECT_TRUE(second.agents.calls.front().job->may_be_repeat);
  }
}

// A record that says that its request was acknowledged before the agent had accepted the job.
JobRecord acknowledged(bool unsent) {
  auto submission = request(JobType::cron, "cron-7");
  submission.job.reply = ReplyRoute{true, "caller", ""};
  submission.job.log_id = LogId(1);
  JobRecord record;
  record.job = std::make_shared<const Job>(submission.job);
  record.outcome.started = FakeClock().wall_now();
  record.acknowledged = true;
  record.unsent = unsent;
  return record;
}

TEST(Recovery, AcknowledgedReceivedJobIsStartedAgain) {
  for (const bool unsent : {true, false}) {
    Bench bench;
    bench.dispatcher.recover({acknowledged(unsent)});
    EXPECT_TRUE(bench.agents.calls.empty());
    bench.journal.commit();
    ASSERT_EQ(bench.agents.calls.size(), 1U);
    EXPECT_EQ(bench.agents.calls.front().job->may_be_repeat, !unsent);
    EXPECT_EQ(bench.agents.calls.front().job->log_id, LogId(1));
    EXPECT_FALSE(bench.journal.records.at(1).unsent);
    EXPECT_TRUE(bench.journal.records.at(1).acknowledged);
    bench.agents.answer(1);
    bench.journal.commit();
    bench.dispatcher.deliver(result("cron-7", "done", "cron"), kIgnore);
    bench.journal.commit();
    ASSERT_EQ(bench.publisher.sent.size(), 2U);
    EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
    EXPECT_EQ(bench.publisher.terminals(), 1U);
  }
}

TEST(Recovery, AcknowledgedReceivedJobWhoseTimeIsOverEndsOnce) {
  for (const bool unsent : {true, false}) {
    Bench bench;
    bench.clock.advance(Seconds(35));
    bench.dispatcher.recover({acknowledged(unsent)});
    bench.journal.commit();
    EXPECT_TRUE(bench.agents.calls.empty());
    ASSERT_EQ(bench.publisher.terminals(), 1U);
    EXPECT_EQ(bench.publisher.answer(1).outcome.error->code,
              unsent ? ErrorCode::send_failed : ErrorCode::outcome_unknown);
  }
}

TEST(Recovery, AClockThatWasAheadGivesNoJobMoreThanItsTime) {
  for (const auto state : {JobState::received, JobState::accepted}) {
    Bench bench;
    auto record = acknowledged(true);
    record.state = state;
    record.outcome.started += Seconds(600);
    bench.dispatcher.recover({record});
    bench.journal.commit();
    if (state == JobState::received) bench.agents.answer(1);
    bench.journal.commit();
    bench.pass(Millis(34999));
    bench.journal.commit();
    EXPECT_EQ(bench.publisher.terminals(), 0U);
    bench.pass(Millis(1));
    bench.journal.commit();
    EXPECT_EQ(bench.publisher.terminals(), 1U);
  }
}

TEST(Recovery, RequestWhoseAcknowledgementWasLostJoinsItsStartedJob) {
  Bench bench;
  bench.dispatcher.recover({acknowledged(true)});
  bench.journal.commit();
  auto again = request(JobType::cron, "cron-7", 5, 1);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_EQ(bench.agents.calls.size(), 1U);
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{5});
  EXPECT_TRUE(bench.publisher.sent.empty());  // the agent has not accepted it yet
}

TEST(Recovery, NextFiringOfACronIsNotTakenForTheOneThatWasAcknowledged) {
  Bench bench;
  restart(bench, [](Bench& old) {
    old.dispatcher.submit(request(JobType::cron, "cron-7", 2));
    old.journal.commit();
  });
  bench.dispatcher.recover({acknowledged(true)});  // alike to the byte
  auto again = request(JobType::cron, "cron-7", 1, 1);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_EQ(bench.agents.calls.size(), 2U);
}

TEST(Recovery, RedeliveredAcceptedRequestIsOnlyAcknowledgedAndItsCallerTold) {
  Bench bench;
  restart(bench, [](Bench& old) {
    auto submission = request(JobType::cron, "cron-7");
    submission.job.reply = ReplyRoute{true, "caller", ""};
    old.dispatcher.submit(Submission(submission));
    old.journal.commit();
    old.agents.answer(1);
    old.journal.commit();
  });
  auto again = request(JobType::cron, "cron-7", 5, 1);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  EXPECT_EQ(bench.acker.tags, std::vector<std::uint64_t>{5});
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).kind, Answer::Kind::acceptance);
}

TEST(Recovery, InterruptedFiringIsNotTakenForAnEqualOneThatIsOver) {
  Bench bench;
  restart(bench, [](Bench& old) {
    accepted(old, request(JobType::cron, "cron-7", 1));
    old.dispatcher.deliver(result("cron-7", "done", "cron"), kIgnore);
    old.journal.commit();
    old.publisher.confirm_all();
    old.dispatcher.submit(request(JobType::cron, "cron-7", 2));
    old.journal.commit();
  });
  auto again = request(JobType::cron, "cron-7", 1, 1);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  bench.journal.commit();
  EXPECT_EQ(bench.agents.calls.size(), 1U);
}

TEST(Recovery, SynchronousJobIsClosedAndItsRedeliveryRefused) {
  Bench bench;
  restart(bench, [](Bench& old) {
    old.dispatcher.submit(request(JobType::sync));
    old.dispatcher.record_all();
  });
  EXPECT_EQ(bench.journal.records.begin()->second.state, JobState::published);
  bench.dispatcher.recover({bench.journal.records.begin()->second});  // as the history that is read after it
  auto again = request(JobType::sync);
  again.redelivered = true;
  bench.dispatcher.submit(Submission(again));
  EXPECT_TRUE(bench.agents.calls.empty());
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
}

}  // namespace
}  // namespace elves::testing
