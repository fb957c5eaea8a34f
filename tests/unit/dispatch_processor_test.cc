// Between a result and the message about it: the app's processor is told, not twice, and the message says how
// that went.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

Submission with_processor(JobType type) {
  auto submission = request(type);
  submission.job.mode = "sap";
  return submission;
}

// Its result is in the journal, and its processor is to be told.
void settled(Bench& bench) {
  accepted(bench, with_processor(JobType::queue));
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
}

const JobRecord& kept(const Bench& bench) { return bench.journal.records.begin()->second; }

// The process ends; what its journal kept is handed to another one.
void restart(Bench& bench, const std::function<void(Bench&)>& before) {
  Bench old;
  before(old);
  bench.clock.advance(std::chrono::duration_cast<Millis>(old.clock.now() - SteadyTime{}) + Seconds(1));
  bench.journal.records = old.journal.records;
  bench.dispatcher.recover({kept(old)});
}

void expect_processor_error(const Bench& bench, const std::string& detail) {
  ASSERT_EQ(bench.publisher.sent.size(), 1U);
  const Outcome& outcome = bench.publisher.answer(0).outcome;
  EXPECT_EQ(outcome.worker->result, "done");
  EXPECT_FALSE(outcome.processor.ok);
  EXPECT_EQ(outcome.processor.error, (Error{ErrorCode::processor_failed, detail}));
  EXPECT_EQ(outcome.error, outcome.processor.error);
  EXPECT_FALSE(outcome.running);
}

TEST(Processor, IsToldWhenTheResultIsDurableAndBeforeTheMessage) {
  Bench bench;
  accepted(bench, with_processor(JobType::queue));
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  EXPECT_TRUE(bench.processors.calls.empty());
  bench.journal.commit();
  EXPECT_EQ(taken.yes, 1);
  ASSERT_EQ(bench.processors.calls.size(), 1U);
  EXPECT_EQ(bench.processors.calls.front().answer.result, "done");
  bench.processors.leave();
  bench.journal.commit();
  bench.processors.answer();
  EXPECT_EQ(bench.publisher.terminals(), 0U);
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  const Outcome& outcome = bench.publisher.answer(0).outcome;
  EXPECT_TRUE(outcome.processor.ok);
  EXPECT_EQ(outcome.processor.cost, Millis(4));
  EXPECT_TRUE(outcome.succeeded());
  EXPECT_EQ(bench.metrics[Event::processor_answered], 1);
}

TEST(Processor, IsCalledOnlyAfterTheJournalKnows) {
  Bench bench;
  settled(bench);
  EXPECT_FALSE(kept(bench).outcome.processor.asked);
  bench.processors.leave();
  EXPECT_TRUE(bench.processors.words.empty());
  bench.journal.commit();
  ASSERT_EQ(bench.processors.words.size(), 1U);
  EXPECT_TRUE(bench.processors.words.front());
  EXPECT_TRUE(kept(bench).outcome.processor.asked);
}

TEST(Processor, IsNotCalledWhenTheJournalCannotKnow) {
  Bench bench;
  settled(bench);
  bench.journal.refuse = true;
  bench.processors.leave();
  bench.journal.commit();
  ASSERT_EQ(bench.processors.words.size(), 1U);
  ASSERT_FALSE(bench.processors.words.front());
  bench.processors.answer({false, bench.processors.words.front().error(), Millis(1)});
  bench.journal.commit();
  expect_processor_error(bench, "it was not called: disk full");
  EXPECT_EQ(bench.metrics[Event::processor_failed], 1);
}

TEST(Processor, HearsOfFailedWorkers) {
  for (const int flag : {0, -1}) {
    Bench bench;
    bench.dispatcher.submit(with_processor(JobType::sync));
    bench.agents.answer(flag, "no");
    ASSERT_EQ(bench.processors.calls.size(), 1U);
    EXPECT_EQ(bench.processors.calls.front().answer.flag, flag);
    bench.processors.answer();
    const Outcome& outcome = bench.publisher.answer(0).outcome;
    EXPECT_TRUE(outcome.processor.ok);
    EXPECT_FALSE(outcome.error);
    EXPECT_FALSE(outcome.succeeded());
  }
}

TEST(Processor, IsNotAskedWithoutAnAnswerOfAWorker) {
  Bench bench;
  bench.dispatcher.submit(with_processor(JobType::sync));
  bench.agents.fail(ErrorCode::send_failed, false);
  accepted(bench, with_processor(JobType::queue));
  bench.pass(Seconds(35));
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.sent.size(), 2U);
  EXPECT_TRUE(bench.processors.calls.empty());
}

TEST(Processor, IsToldOfALateResultToo) {
  Bench bench;
  accepted(bench, with_processor(JobType::queue));
  bench.pass(Seconds(35));
  bench.journal.commit();
  bench.publisher.confirm_all();
  bench.dispatcher.deliver(result("task-1", "late"), kIgnore);
  bench.journal.commit();
  ASSERT_EQ(bench.processors.calls.size(), 1U);
  bench.processors.answer();
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 2U);
  EXPECT_TRUE(bench.publisher.answer(1).outcome.processor.ok);
}

TEST(Processor, IsNotToldOfASecondResult) {
  Bench bench;
  settled(bench);
  Taken taken;
  bench.dispatcher.deliver(result("task-1", "done"), taken.callback());
  EXPECT_EQ(taken.yes, 1);
  EXPECT_EQ(bench.processors.calls.size(), 1U);
  EXPECT_EQ(bench.metrics[Event::result_duplicate], 1);
}

TEST(Processor, IsNotToldOfAResultThatAnotherSchedulerHas) {
  Bench bench;
  accepted(bench, with_processor(JobType::queue));
  Notice notice;
  notice.result = result("task-1", "done");
  bench.dispatcher.settled_elsewhere(notice, DeliveryRef{7, 1});
  bench.journal.commit();
  EXPECT_TRUE(bench.processors.calls.empty());
  EXPECT_EQ(bench.dispatcher.open(), 0U);
}

TEST(Processor, OtherSchedulersNeedNotWaitForIt) {
  Bench bench;
  accepted(bench, with_processor(JobType::queue));
  bench.dispatcher.deliveries_lost();
  bench.dispatcher.deliver(result("task-1", "done"), kIgnore);
  bench.journal.commit();
  EXPECT_EQ(bench.publisher.notices.size(), 1U);
  EXPECT_EQ(bench.publisher.terminals(), 0U);
}

TEST(Processor, IsToldAfterARestartIfItWasNot) {
  Bench bench;
  restart(bench, settled);
  ASSERT_EQ(bench.processors.calls.size(), 1U);
  bench.processors.leave();
  bench.journal.commit();
  bench.processors.answer();
  bench.journal.commit();
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_TRUE(bench.publisher.answer(0).outcome.processor.ok);
}

TEST(Processor, IsNotToldAgainAfterARestart) {
  Bench bench;
  restart(bench, [](Bench& old) {
    settled(old);
    old.processors.leave();
    old.journal.commit();
  });
  EXPECT_TRUE(bench.processors.calls.empty());
  expect_processor_error(bench, "it may have been called: the scheduler ended before its answer was kept");
}

TEST(Processor, WhatItAnsweredSurvivesARestart) {
  Bench bench;
  restart(bench, [](Bench& old) {
    settled(old);
    old.processors.leave();
    old.journal.commit();
    old.processors.answer();
  });
  EXPECT_TRUE(bench.processors.calls.empty());
  ASSERT_EQ(bench.publisher.terminals(), 1U);
  EXPECT_TRUE(bench.publisher.answer(0).outcome.succeeded());
}

TEST(Processor, IsWaitedForByADrain) {
  Bench bench;
  settled(bench);
  bool drained = false;
  bench.dispatcher.drain([&] { drained = true; });
  bench.pass(Seconds(1));
  EXPECT_FALSE(drained);
  bench.processors.answer();
  bench.journal.commit();
  bench.publisher.confirm_all();
  bench.pass(Seconds(1));
  EXPECT_TRUE(drained);
}

TEST(Processor, WhenTheDrainIsOverTheCallerHearsOfTheWorker) {
  Bench bench;
  bench.dispatcher.submit(with_processor(JobType::sync));
  bench.agents.answer(1, "done");
  bench.dispatcher.drain([] {});
  bench.dispatcher.give_up();
  expect_processor_error(bench, "it may have been called: the scheduler shut down first");
  bench.processors.answer();
  EXPECT_EQ(bench.publisher.sent.size(), 1U);
}

TEST(Processor, WhenTheDrainIsOverTheNextProcessTellsIt) {
  Bench bench;
  restart(bench, [](Bench& old) {
    settled(old);
    old.dispatcher.drain([] {});
    old.dispatcher.give_up();
    old.processors.leave();
    ASSERT_EQ(old.processors.words.size(), 1U);
    EXPECT_FALSE(old.processors.words.front());
    old.processors.answer({false, old.processors.words.front().error(), Millis(0)});
    EXPECT_TRUE(old.publisher.sent.empty());
  });
  EXPECT_EQ(bench.processors.calls.size(), 1U);
}

TEST(Processor, WithoutAJournalTheDrainEndsTheJob) {
  Bench bench;
  bench.journal.is_durable = false;
  settled(bench);
  bench.dispatcher.drain([] {});
  bench.dispatcher.give_up();
  bench.journal.commit();
  expect_processor_error(bench, "it was not called: the scheduler shut down first");
}

TEST(Processor, AJobWhoseProcessorIsAskedStillRuns) {
  Bench bench;
  settled(bench);
  EXPECT_TRUE(kept(bench).outcome.running);
  EXPECT_FALSE(kept(bench).outcome.succeeded());
}

}  // namespace
}  // namespace elves::testing
