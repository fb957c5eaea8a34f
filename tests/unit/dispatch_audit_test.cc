// Promise: the record hears of every job before its agent does, and how each one ended.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

TEST(Audit, HearsOfASynchronousJobBeforeAndAfter) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  ASSERT_EQ(bench.audit.begun.size(), 1U);
  EXPECT_EQ(bench.audit.begun[0]->log_id, bench.agents.calls.front().job->log_id);
  EXPECT_TRUE(bench.audit.ends.empty());
  bench.agents.answer(1, "hello");
  ASSERT_EQ(bench.audit.ends.size(), 1U);
  EXPECT_EQ(bench.audit.ends[0].job, bench.audit.begun[0]);
  EXPECT_TRUE(bench.audit.ends[0].outcome.succeeded());
}

TEST(Audit, AnAsynchronousJobEndsWithItsResultAndNotWithItsAcceptance) {
  Bench bench;
  accepted(bench);
  EXPECT_EQ(bench.audit.begun.size(), 1U);
  EXPECT_TRUE(bench.audit.ends.empty());
  bench.dispatcher.deliver(result("task-1", "done"), [](bool) {});
  bench.journal.commit();
  ASSERT_EQ(bench.audit.ends.size(), 1U);
  EXPECT_EQ(bench.audit.ends[0].outcome.worker->result, "done");
}

TEST(Audit, ARefusedRequestIsToldOnceWithItsReason) {
  Bench bench;
  auto illegal = request(JobType::sync);
  illegal.rejected = Error{ErrorCode::illegal_ip, "outside"};
  bench.dispatcher.submit(std::move(illegal));
  EXPECT_TRUE(bench.audit.begun.empty());
  ASSERT_EQ(bench.audit.ends.size(), 1U);
  EXPECT_TRUE(bench.audit.ends[0].outcome.rejected);
  EXPECT_EQ(bench.audit.ends[0].outcome.error->code, ErrorCode::illegal_ip);
}

TEST(Audit, ARedeliveredRequestThatMayHaveRunIsToldAsUnknown) {
  Bench bench;
  auto again = request(JobType::sync);
  again.redelivered = true;
  bench.dispatcher.submit(std::move(again));
  EXPECT_TRUE(bench.audit.begun.empty());
  ASSERT_EQ(bench.audit.ends.size(), 1U);
  EXPECT_EQ(bench.audit.ends[0].outcome.error->code, ErrorCode::outcome_unknown);
}

TEST(Audit, ALateResultEndsTheJobAgain) {
  Bench bench;
  accepted(bench);
  bench.pass(Seconds(36));
  bench.journal.commit();
  ASSERT_EQ(bench.audit.ends.size(), 1U);
  EXPECT_EQ(bench.audit.ends[0].outcome.error->code, ErrorCode::job_timeout);
  bench.publisher.confirm_all();
  bench.dispatcher.deliver(result("task-1", "late"), [](bool) {});
  bench.journal.commit();
  ASSERT_EQ(bench.audit.ends.size(), 2U);
  EXPECT_TRUE(bench.audit.ends[1].outcome.succeeded());
}

// One that came from the broker comes again, and ends then.
TEST(Audit, AJobThatWasCutOffWithItsSchedulerEndsWithTheNext) {
  for (const bool brokers : {false, true}) {
    for (const JobType type : {JobType::sync, JobType::queue}) {
      Bench bench;
      Job job = request(type).job;
      job.log_id = LogId(7);
      if (!brokers) job.fingerprint = 0;
      JobRecord left;
      left.job = std::make_shared<const Job>(std::move(job));
      bench.dispatcher.recover({left});
      ASSERT_EQ(bench.audit.ends.size(), brokers ? 0U : 1U);
      for (const auto& end : bench.audit.ends) EXPECT_EQ(end.outcome.error->code, ErrorCode::outcome_unknown);
    }
  }
}

}  // namespace
}  // namespace elves::testing
