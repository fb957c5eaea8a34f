// Who may be called, and who may bring which result.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

DispatchLimits allowing(const char* networks) {
  DispatchLimits limits;
  limits.allow = Networks::parse(networks).value();
  return limits;
}

Submission for_machine(JobType type, std::string ip) {
  auto submission = request(type);
  submission.job.agent_ip = std::move(ip);
  return submission;
}

AgentResult brought_by(std::string peer, AgentResult result) {
  result.peer = std::move(peer);
  return result;
}

TEST(Allow, AJobForAnotherMachineIsRejectedAndAnswered) {
  for (const JobType type : {JobType::sync, JobType::cron, JobType::queue}) {
    for (const char* ip : {"169.254.169.254", "::1", "::ffff:169.254.169.254", "0.0.0.0", "11.0.0.1"}) {
      Bench bench(allowing("10.0.0.0/8"));
      const auto id = bench.dispatcher.submit(for_machine(type, ip));
      ASSERT_FALSE(id) << ip;
      EXPECT_EQ(id.error(), (Error{ErrorCode::illegal_ip, "outside agent.allow"}));
      EXPECT_TRUE(bench.agents.calls.empty());
      const Answer& answer = bench.publisher.answer(0);
      EXPECT_EQ(answer.kind, type == JobType::sync ? Answer::Kind::reply : Answer::Kind::terminal);
      EXPECT_TRUE(answer.outcome.rejected);
      EXPECT_EQ(answer.outcome.error, id.error());
      EXPECT_TRUE(bench.acker.tags.empty()) << "not before the answer is confirmed";
      bench.publisher.confirm_all();
      EXPECT_EQ(bench.acker.tags.size(), 1U);
      EXPECT_EQ(bench.metrics[Event::job_outside], 1);
      EXPECT_EQ(bench.dispatcher.open(), 0U);
    }
  }
}

TEST(Allow, OthersAreCalledHoweverTheyAreSpelled) {
  for (const char* ip : {"10.9.9.9", "::ffff:10.9.9.9", "2001:DB8:0::1"}) {
    Bench bench(allowing("10.0.0.0/8,2001:db8::/32"));
    EXPECT_TRUE(bench.dispatcher.submit(for_machine(JobType::sync, ip))) << ip;
    ASSERT_EQ(bench.agents.calls.size(), 1U);
    EXPECT_EQ(bench.agents.calls[0].job->agent_ip, ip);
  }
}

TEST(Allow, AnEmptyListIsNoList) {
  Bench bench;
  EXPECT_TRUE(bench.dispatcher.submit(for_machine(JobType::sync, "169.254.169.254")));
}

TEST(Allow, NoSecondAttemptWhenTheListHasChanged) {
  DispatchLimits limits = allowing("10.0.0.0/8");
  limits.retry = {3, Millis(100), Millis(400)};
  Bench bench(limits);
  bench.dispatcher.submit(request(JobType::queue));
  bench.journal.commit();
  bench.agents.fail(ErrorCode::send_failed, false);
  bench.journal.commit();
  limits.allow = *Networks::parse("192.168.0.0/16");
  bench.dispatcher.set_limits(limits);
  bench.pass(Millis(100));
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error, (Error{ErrorCode::illegal_ip, "outside agent.allow"}));
}

JobRecord left_behind(bool unsent) {
  JobRecord record;
  Job job = request(JobType::queue).job;
  job.log_id = LogId(7);
  record.job = std::make_shared<const Job>(job);
  record.outcome.started = FakeClock().wall_now();
  record.acknowledged = true;
  record.unsent = unsent;
  return record;
}

TEST(Allow, ARestartedJobOfAMachineThatIsOutNowEnds) {
  Bench bench(allowing("192.168.0.0/16"));
  bench.dispatcher.recover({left_behind(true)});
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.error->code, ErrorCode::illegal_ip);
}

TEST(Allow, WhatMayHaveRunBeforeIsAwaitedAndNotCalledAgain) {
  Bench bench(allowing("192.168.0.0/16"));
  bench.dispatcher.recover({left_behind(false)});
  bench.journal.commit();
  EXPECT_TRUE(bench.agents.calls.empty());
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.dispatcher.deliver(result("task-1", "it had run"), kIgnore);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->result, "it had run");

  Bench silent(allowing("192.168.0.0/16"));
  silent.dispatcher.recover({left_behind(false)});
  silent.pass(Seconds(60));
  silent.journal.commit();
  ASSERT_EQ(silent.publisher.terminals(), 1U);
  EXPECT_EQ(silent.publisher.answer(0).outcome.error->code, ErrorCode::outcome_unknown);
}

TEST(Belonging, AResultIsTakenFromItsAgentOnly) {
  Bench bench;
  accepted(bench);
  Taken taken;
  for (const char* peer : {"10.0.0.2", "127.0.0.1", "", "unknown peer", "::10.0.0.1"}) {
    bench.dispatcher.deliver(brought_by(peer, result("task-1", "forged")), taken.callback());
  }
  bench.journal.commit();
  EXPECT_EQ(taken.no, 5);
  EXPECT_EQ(taken.yes, 0);
  EXPECT_EQ(bench.metrics[Event::result_refused], 5);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.dispatcher.deliver(brought_by("::ffff:10.0.0.1", result("task-1", "true")), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_EQ(bench.publisher.answer(0).outcome.worker->result, "true");
}

TEST(Belonging, ALogIdGivesNobodyARight) {
  Bench bench;
  const auto id = bench.dispatcher.submit(request(JobType::cron));
  bench.journal.commit();
  bench.agents.answer(1);
  bench.journal.commit();
  Taken taken;
  auto forged = brought_by("10.0.0.2", result("task-1", "forged", "cron"));
  forged.exec_id = id->text();
  forged.ip = "10.0.0.2";
  bench.dispatcher.deliver(forged, taken.callback());
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Belonging, AForwarderMayBringOthersResults) {
  DispatchLimits limits;
  limits.forwarders = *Networks::parse("10.9.0.0/16");
  Bench bench(limits);
  accepted(bench);
  Taken taken;
  bench.dispatcher.deliver(brought_by("10.9.1.1", result("task-1", "done")), taken.callback());
  bench.dispatcher.deliver(brought_by("10.9.1.1", result("task-2", "of another scheduler")),
                           taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 2);
  EXPECT_EQ(bench.publisher.terminals(), 2U);
}

TEST(Belonging, AJobWhoseResultWasRefusedSaysSoWhenItEnds) {
  for (const bool exec_id : {false, true}) {
    for (const JobType type : {JobType::queue, JobType::cron}) {
      Bench bench;
      const auto id = bench.dispatcher.submit(request(type));
      bench.journal.commit();
      bench.agents.answer(1);
      bench.journal.commit();
      auto other = brought_by("10.0.0.7", result("task-1", "done", type == JobType::cron ? "cron" : "queue"));
      if (exec_id) other.exec_id = id->text();
      Taken taken;
      bench.dispatcher.deliver(other, taken.callback());
      EXPECT_EQ(taken.no, 1);
      bench.pass(Seconds(60));
      bench.journal.commit();
      ASSERT_EQ(bench.publisher.terminals(), 1U);
      EXPECT_EQ(
          bench.publisher.answer(0).outcome.error,
          (Error{ErrorCode::job_timeout,
                 "no result from the agent; a result came from 10.0.0.7, which is not its agent 10.0.0.1: "
                 "thrift.trustForwarders"}));
    }
  }
}

TEST(Belonging, ItsOwnResultCountsAllTheSame) {
  Bench bench;
  accepted(bench);
  Taken taken;
  bench.dispatcher.deliver(brought_by("10.0.0.7", result("task-1", "refused")), taken.callback());
  bench.dispatcher.deliver(result("task-1", "true"), taken.callback());
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_FALSE(bench.publisher.answer(0).outcome.error);
}

TEST(Grace, IsShorterForASynchronousJob) {
  DispatchLimits limits;
  limits.grace = Seconds(9);
  limits.sync_grace = Seconds(2);
  Bench bench(limits);
  bench.dispatcher.submit(request(JobType::sync));
  ASSERT_EQ(bench.agents.calls.size(), 1U);
  const auto& call = bench.agents.calls[0];
  EXPECT_EQ(call.deadline.at(), bench.clock.now() + call.job->timeout + Seconds(2));
}

TEST(Belonging, LateAndSecondResultsToo) {
  Bench bench;
  accepted(bench);
  bench.pass(Seconds(60));
  bench.journal.commit();
  bench.publisher.confirm_all();
  Taken taken;
  bench.dispatcher.deliver(brought_by("10.0.0.2", result("task-1", "forged")), taken.callback());
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.metrics[Event::result_late], 0);
  bench.dispatcher.deliver(result("task-1", "late"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  bench.publisher.confirm_all();
  bench.dispatcher.deliver(brought_by("10.0.0.2", result("task-1", "late")), taken.callback());
  EXPECT_EQ(taken.no, 2) << "it must not even learn that there is such a job";
}

TEST(Belonging, AnAgentThatEchoesNoAddressIsTheOneItComesFrom) {
  Bench bench;
  accepted(bench, for_machine(JobType::cron, "10.0.0.5"));
  auto second = for_machine(JobType::cron, "10.0.0.6");
  second.delivery = DeliveryRef{2, 1};
  accepted(bench, second);
  auto bare = brought_by("10.0.0.6", result("task-1", "from six", "cron"));
  bare.ip = "";
  Taken taken;
  bench.dispatcher.deliver(bare, taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(bench.publisher.answer(0).job->agent_ip, "10.0.0.6");
}

TEST(Unknown, IsTakenFromTheAddressItNamesOnly) {
  Bench bench;
  Taken taken;
  bench.dispatcher.deliver(brought_by("10.0.0.2", result("elsewhere", "forged")), taken.callback());
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.metrics[Event::result_unknown], 0);
  bench.dispatcher.deliver(result("elsewhere", "true"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(bench.metrics[Event::result_unknown], 1);
}

TEST(Unknown, AnOpenQueueTaskHasNoNamesake) {
  Bench bench;
  accepted(bench);
  auto namesake = brought_by("10.0.0.2", result("task-1", "forged"));
  namesake.ip = "10.0.0.2";
  Taken taken;
  bench.dispatcher.deliver(namesake, taken.callback());
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Unknown, IsRefusedWhereNotAccepted) {
  DispatchLimits limits;
  limits.accept_unknown = false;
  Bench bench(limits);
  Taken taken;
  bench.dispatcher.deliver(result("elsewhere", "true"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.no, 1);
  EXPECT_EQ(bench.metrics[Event::result_refused], 1);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  accepted(bench);
  bench.dispatcher.deliver(result("task-1", "known"), taken.callback());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
}

}  // namespace
}  // namespace elves::testing
