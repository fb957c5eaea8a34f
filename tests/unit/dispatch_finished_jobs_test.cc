// How much is remembered of executions that are over.
#include <gtest/gtest.h>

#include "dispatch/finished_jobs.h"

namespace elves {
namespace {

using Verdict = FinishedJobs::Verdict;

JobPtr task(std::uint64_t id, std::size_t param) {
  Job job;
  job.log_id = LogId(id);
  job.type = JobType::queue;
  job.id = "task-" + std::to_string(id);
  job.agent_ip = "10.0.0.1";
  job.param = std::string(param, 'p');
  return std::make_shared<const Job>(std::move(job));
}

Outcome with_result() {
  Outcome outcome;
  outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(1000, 'r')};
  return outcome;
}

Verdict verdict(const FinishedJobs& finished, std::uint64_t id) {
  AgentResult result;
  result.id = "task-" + std::to_string(id);
  return finished.match(result).verdict;
}

TEST(FinishedJobs, ForgetsTheOldestBeyondACount) {
  FinishedJobs finished(2, 1000);
  for (std::uint64_t id = 1; id <= 3; ++id) finished.add(task(id, 0), {});
  EXPECT_EQ(verdict(finished, 1), Verdict::unknown);
  EXPECT_EQ(verdict(finished, 2), Verdict::late);
  EXPECT_EQ(verdict(finished, 3), Verdict::late);
}

TEST(FinishedJobs, ForgetsTheOldestWithoutAResultBeyondTheirBytes) {
  FinishedJobs finished(100, 1000);
  finished.add(task(1, 400), with_result());
  for (std::uint64_t id = 2; id <= 4; ++id) finished.add(task(id, 400), {});
  EXPECT_EQ(verdict(finished, 1), Verdict::duplicate) << "of which no param is held";
  EXPECT_EQ(verdict(finished, 2), Verdict::unknown);
  EXPECT_EQ(verdict(finished, 3), Verdict::late);
  EXPECT_EQ(verdict(finished, 4), Verdict::late);
}

TEST(FinishedJobs, AResultThatCameMakesPlace) {
  FinishedJobs finished(100, 1000);
  for (std::uint64_t id = 1; id <= 2; ++id) finished.add(task(id, 500), {});
  finished.add(task(1, 500), with_result());
  finished.add(task(3, 500), {});
  EXPECT_EQ(verdict(finished, 1), Verdict::duplicate);
  EXPECT_EQ(verdict(finished, 2), Verdict::late);
  EXPECT_EQ(verdict(finished, 3), Verdict::late);
  finished.add(task(4, 1), {});
  EXPECT_EQ(verdict(finished, 2), Verdict::unknown);
}

TEST(FinishedJobs, OneThatIsTooLargeAloneIsNotHeld) {
  FinishedJobs finished(100, 1000);
  finished.add(task(1, 2000), {});
  EXPECT_EQ(verdict(finished, 1), Verdict::unknown);
  finished.add(task(2, 1000), {});
  EXPECT_EQ(verdict(finished, 2), Verdict::late);
}

}  // namespace
}  // namespace elves
