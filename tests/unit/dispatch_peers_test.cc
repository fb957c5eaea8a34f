// Executions that another scheduler may wait for too.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

TEST(Peers, AResultOfAnotherSchedulersJobIsPublishedAndTold) {
  Pair pair;
  accepted(pair.one);
  pair.other.dispatcher.deliver(result("task-1", "done"), kIgnore);
  pair.other.journal.commit();
  EXPECT_EQ(pair.other.publisher.terminals(), 1U);
  ASSERT_EQ(pair.other.publisher.notices.size(), 1U);
  pair.tell(pair.other, pair.one);
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
  EXPECT_EQ(pair.one.acker.tags.back(), 77U);
  pair.one.pass(Seconds(60));
  EXPECT_EQ(pair.one.publisher.terminals(), 0U);
}

TEST(Peers, AResultThatCouldNotBeKeptAtFirstIsToldAllTheSame) {
  Pair pair;
  accepted(pair.one);
  Taken taken;
  auto brought = result("task-1", "done");
  brought.exec_id = pair.one.journal.records.begin()->second.job->log_id.text();
  brought.request = request(JobType::queue).job.request();
  pair.other.journal.refuse = true;
  pair.other.dispatcher.deliver(brought, taken.callback());
  pair.other.journal.commit();
  EXPECT_EQ(taken.no, 1);
  pair.other.journal.refuse = false;
  pair.other.dispatcher.deliver(brought, taken.callback());
  pair.other.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  ASSERT_EQ(pair.other.publisher.notices.size(), 1U);
  pair.tell(pair.other, pair.one);
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
  EXPECT_EQ(pair.one.publisher.terminals(), 0U);
}

TEST(Peers, AnOrdinaryJobIsToldToNobody) {
  Bench bench;
  accepted(bench);
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.notices.size(), 0U);
}

TEST(Peers, ANoticeIsAcknowledgedWhenTheJournalHasIt) {
  Pair pair;
  accepted(pair.one);
  pair.other.dispatcher.deliver(result("task-1", "done"), kIgnore);
  pair.other.journal.commit();
  pair.one.acker.tags.clear();
  pair.one.dispatcher.settled_elsewhere(pair.other.publisher.notice(0), DeliveryRef{77, 1});
  EXPECT_TRUE(pair.one.acker.tags.empty());
  pair.one.journal.commit();
  EXPECT_EQ(pair.one.acker.tags, std::vector<std::uint64_t>{77});
  EXPECT_EQ(pair.one.journal.records.begin()->second.state, JobState::published);
}

TEST(Peers, ANoticeThatCannotBeKeptIsLeftToTheBroker) {
  Pair pair;
  accepted(pair.one);
  pair.other.dispatcher.deliver(result("task-1", "done"), kIgnore);
  pair.other.journal.commit();
  pair.one.acker.tags.clear();
  pair.one.journal.refuse = true;
  pair.tell(pair.other, pair.one);
  EXPECT_TRUE(pair.one.acker.tags.empty());
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
}

TEST(Peers, TheSameResultBroughtAgainHereGoesNowhere) {
  Pair pair;
  pair.other.dispatcher.deliver(result("task-1", "done"), kIgnore);
  pair.other.journal.commit();
  pair.tell(pair.other, pair.one);
  Taken taken;
  pair.one.dispatcher.deliver(result("task-1", "done"), taken.callback());
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(pair.one.publisher.terminals(), 0U);
}

TEST(Peers, NoJobTimesOutWhileNoticesAreUnread) {
  Bench bench;
  accepted(bench);
  bench.dispatcher.deliveries_lost();
  bench.notices.connected = false;
  bench.pass(Seconds(60));
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.notices.read();
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.notice(0).error->code, ErrorCode::job_timeout);
}

TEST(Peers, AJobOfTheJobApiTimesOutAllTheSame) {
  Bench bench;
  auto job = request(JobType::queue);
  job.job.announce = false;
  job.delivery.reset();
  accepted(bench, job);
  bench.notices.connected = false;
  bench.pass(Seconds(60));
  bench.journal.commit();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Peers, OfOneRequestSentTwiceTheFirstEndEndsBoth) {
  Pair pair;
  accepted(pair.one);
  pair.one.dispatcher.deliveries_lost();
  accepted(pair.other, redelivered());
  auto brought = result("task-1", "done");
  brought.exec_id = pair.one.journal.records.begin()->second.job->log_id.text();
  brought.request = request(JobType::queue).job.request();
  brought.may_be_repeat = true;
  pair.other.dispatcher.deliver(brought, kIgnore);  // the agent knows the other one
  pair.other.journal.commit();
  EXPECT_EQ(pair.other.publisher.terminals(), 1U);
  EXPECT_EQ(pair.other.metrics[Event::result_unknown], 0);
  pair.tell(pair.other, pair.one);
  EXPECT_EQ(pair.one.dispatcher.open(), 0U);
  pair.one.pass(Seconds(60));
  EXPECT_EQ(pair.one.publisher.terminals(), 0U);
}

TEST(Peers, ATimeoutEndsBothToo) {
  Pair pair;
  accepted(pair.one);
  pair.one.dispatcher.deliveries_lost();
  accepted(pair.other, redelivered());
  pair.one.pass(Seconds(60));
  pair.one.journal.commit();
  EXPECT_EQ(pair.one.publisher.terminals(), 1U);
  pair.tell(pair.one, pair.other);
  EXPECT_EQ(pair.other.dispatcher.open(), 0U);
  EXPECT_EQ(pair.other.publisher.terminals(), 0U);
}

TEST(Peers, ACronsOtherFiringIsNotMistakenForARepeat) {
  Bench bench;
  accepted(bench, request(JobType::cron, "cron-1"));
  auto brought = result("cron-1", "another scheduler's firing", "cron");
  brought.exec_id = "0123456789ABCDEF";
  brought.request = request(JobType::cron, "cron-1").job.request();
  bench.dispatcher.deliver(brought, kIgnore);
  bench.journal.commit();
  EXPECT_EQ(bench.metrics[Event::result_unknown], 1);
  EXPECT_EQ(bench.dispatcher.open(), 2U);  // the firing here still waits
}

TEST(Peers, ARequestWhoseConnectionWasLostBeforeTheCallMayBeElsewhere) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::cron));
  bench.dispatcher.deliveries_lost();
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.at(0).job->may_be_repeat);
}

TEST(Peers, ARequestThatLayAroundMayBeElsewhere) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::cron));
  bench.pass(Seconds(11));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.at(0).job->may_be_repeat);
}

TEST(Peers, AnOrdinaryRequestIsNoRepeat) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::cron));
  bench.journal.commit();
  EXPECT_FALSE(bench.agents.calls.at(0).job->may_be_repeat);
}

TEST(Peers, WhatTheAgentReportedBeforeEndsWithoutAMessage) {
  Bench bench;
  bench.dispatcher.submit(redelivered());
  bench.journal.commit();
  AgentReply reply{WorkerAnswer{1, 0, ""}, true, Millis(1)};
  reply.reported = true;
  bench.agents.answer(std::move(reply));
  bench.journal.commit();
  EXPECT_EQ(bench.dispatcher.open(), 0U);
  EXPECT_EQ(bench.acker.tags.size(), 1U);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Peers, ARepeatWhoseAgentIsAwayMayHaveRunBefore) {
  Bench bench;
  bench.dispatcher.submit(redelivered());
  bench.journal.commit();
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.pass(Seconds(60));
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.notice(0).error->code, ErrorCode::outcome_unknown);
}

}  // namespace
}  // namespace elves::testing
