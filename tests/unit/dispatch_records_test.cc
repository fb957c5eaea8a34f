// What the journal is told of synchronous jobs while they are open.
#include <gtest/gtest.h>

#include "unit/dispatch_fakes.h"

namespace elves::testing {
namespace {

std::vector<JobState> states(const Bench& bench) {
  std::vector<JobState> found;
  found.reserve(bench.journal.records.size());
  for (const auto& [id, record] : bench.journal.records) found.push_back(record.state);
  return found;
}

TEST(JournalRecords, AShortJobIsOnlyItsEnd) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  bench.pass(Millis(199));
  EXPECT_TRUE(bench.journal.records.empty());
  bench.agents.answer(1, "hello");
  bench.publisher.confirm_all();
  EXPECT_EQ(states(bench), std::vector{JobState::published});
  bench.pass(Millis(1000));
  EXPECT_EQ(states(bench), std::vector{JobState::published});
}

TEST(JournalRecords, ALongOneIsThereWhileItRuns) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  bench.pass(Millis(150));
  bench.dispatcher.submit(request(JobType::sync, "", 2));
  bench.pass(Millis(50));
  EXPECT_EQ(states(bench), std::vector{JobState::received});
  bench.pass(Millis(200));
  EXPECT_EQ(states(bench), (std::vector{JobState::received, JobState::received}));
  bench.agents.answer(1, "hello");
  bench.publisher.confirm_all();
  EXPECT_EQ(states(bench), (std::vector{JobState::published, JobState::received}));
}

TEST(JournalRecords, WhoAsksFindsAllThatAreOpen) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::sync));
  bench.dispatcher.submit(request(JobType::sync, "", 2));
  bench.agents.answer(1, "hello");
  bench.dispatcher.record_all();
  EXPECT_EQ(states(bench), (std::vector{JobState::settled, JobState::received}));
  bench.publisher.confirm_all();
  bench.dispatcher.record_all();
  EXPECT_EQ(states(bench), (std::vector{JobState::published, JobState::received}));
}

TEST(JournalRecords, AnAsynchronousOneIsThereBeforeItsAgentIsCalled) {
  Bench bench;
  bench.dispatcher.submit(request(JobType::queue));
  EXPECT_EQ(states(bench), std::vector{JobState::received});
  EXPECT_TRUE(bench.agents.calls.empty());
}

}  // namespace
}  // namespace elves::testing
