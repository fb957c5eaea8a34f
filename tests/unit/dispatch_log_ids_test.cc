#include <gtest/gtest.h>

#include "dispatch/log_ids.h"

namespace elves {
namespace {

TEST(LogIds, AreNeighboursWithinAProcess) {
  LogIds ids;
  std::uint64_t before = ids.next().value();
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t now = ids.next().value();
    EXPECT_EQ(now, before + 1);
    before = now;
  }
}

TEST(LogIds, BeginAnywhere) { EXPECT_NE(LogIds().next(), LogIds().next()); }

}  // namespace
}  // namespace elves
