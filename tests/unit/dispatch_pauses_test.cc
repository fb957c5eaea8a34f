#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dispatch/retry.h"

namespace elves {
namespace {

TEST(RetryPauses, GrowUpToTheLimit) {
  const RetryLimits limits{100, Millis(100), Millis(1000)};
  const std::array<int, 6> expected{100, 200, 400, 800, 1000, 1000};
  for (std::uint32_t made = 1; made <= expected.size(); ++made)
    EXPECT_EQ(Retry::ceiling(limits, made), Millis(expected.at(made - 1))) << made;
  EXPECT_EQ(Retry::ceiling(limits, 4000000000U), Millis(1000));
  EXPECT_EQ(Retry::ceiling({5, Millis(1000), Millis(10)}, 1), Millis(10));
}

TEST(RetryPauses, AreSpreadUnderTheirCeiling) {
  const RetryLimits limits{100, Millis(1000), Millis(1000)};
  const Deadline end(SteadyTime{} + Seconds(10));
  Retry retry;
  SteadyTime least = end.at();
  SteadyTime most{};
  for (int i = 0; i < 1000; ++i) {
    const auto at = retry.next(limits, 1, SteadyTime{}, end)->at();
    least = std::min(least, at);
    most = std::max(most, at);
  }
  EXPECT_GE(least, SteadyTime{} + Millis(10));
  EXPECT_LE(most, SteadyTime{} + Millis(1000));
  EXPECT_GT(most - least, Millis(500));
}

TEST(RetryPauses, EndWithTheAttemptsOrTheTime) {
  Retry retry;
  const RetryLimits limits{3, Millis(10), Millis(10)};
  const Deadline end(SteadyTime{} + Millis(10));
  EXPECT_FALSE(retry.next(limits, 3, SteadyTime{}, Deadline(end.at() + Seconds(1))));
  EXPECT_FALSE(retry.next(limits, 1, SteadyTime{}, end));
  EXPECT_TRUE(retry.next(limits, 1, SteadyTime{} - Millis(1), end));
}

}  // namespace
}  // namespace elves
