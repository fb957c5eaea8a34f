#include <gtest/gtest.h>

#include "worker/reporter.h"
#include "worker/result_spool.h"

namespace elves::worker {
namespace {

AgentResult result(const std::string& id) {
  AgentResult made;
  made.id = id;
  return made;
}

TEST(WorkerResultSpool, OldestFirst) {
  ResultSpool spool({});
  for (const auto* id : {"1", "2", "3"}) spool.push(result(id));
  EXPECT_EQ(spool.front().id, "1");
  spool.put_back();
  EXPECT_EQ(spool.front().id, "2");
  spool.pop();
  spool.pop();
  EXPECT_EQ(spool.front().id, "1");
  EXPECT_EQ(spool.size(), 1U);
  spool.pop();
  EXPECT_TRUE(spool.empty());
}

TEST(WorkerResultSpool, IsFullByCount) {
  ResultSpool spool({.max_results = 2});
  spool.push(result("1"));
  EXPECT_FALSE(spool.full());
  spool.push(result("2"));
  EXPECT_TRUE(spool.full());
  spool.push(result("3"));  // taken before it was full
  EXPECT_EQ(spool.size(), 3U);
  spool.pop();
  spool.pop();
  EXPECT_FALSE(spool.full());
}

TEST(WorkerResultSpool, IsFullByBytes) {
  ResultSpool spool({.max_bytes = 10000});
  auto large = result("1");
  large.answer.result = std::string(5000, 'x');
  spool.push(large);
  EXPECT_FALSE(spool.full());
  spool.push(large);
  EXPECT_TRUE(spool.full());
  spool.put_back();
  EXPECT_TRUE(spool.full());
  spool.pop();
  EXPECT_FALSE(spool.full());
}

TEST(WorkerReporter, PausesGrowToHalfAMinute) {
  EXPECT_EQ(longest_pause(0), Millis(200));
  EXPECT_EQ(longest_pause(1), Millis(400));
  EXPECT_EQ(longest_pause(7), Millis(25600));
  EXPECT_EQ(longest_pause(8), Millis(30000));
  EXPECT_EQ(longest_pause(4000000000U), Millis(30000));
}

}  // namespace
}  // namespace elves::worker
