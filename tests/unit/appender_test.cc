// What is appended comes out, whatever its pieces.
#include "base/appender.h"

#include <gtest/gtest.h>

#include <random>

namespace elves {
namespace {

class AppenderOf : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(About, AppenderOf, testing::Values(0, 1, 100, 1000, 100'000));

TEST_P(AppenderOf, TakesPiecesOfAllSizes) {
  std::mt19937 random(7);
  Appender appender(GetParam());
  for (int round = 0; round < 20; ++round) {
    std::string expected;
    for (int piece = 0; piece < 60; ++piece) {
      const char fill = static_cast<char>('a' + random() % 26);
      const std::size_t size = random() % (piece % 10 == 0 ? 200'000 : 40);
      if (piece % 3 == 0) {
        appender.push(fill);
        expected.push_back(fill);
      } else if (piece % 3 == 1) {
        appender.append(std::string(size, fill));
        expected.append(size, fill);
      } else {
        appender.wrote_to(std::fill_n(appender.room(size + 10), size, fill));
        expected.append(size, fill);
      }
      ASSERT_EQ(appender.size(), expected.size());
    }
    ASSERT_EQ(appender.view(), expected);
    if (round % 2 == 0) {
      appender.clear();
    } else {
      ASSERT_EQ(appender.take(), expected);
    }
    ASSERT_TRUE(appender.empty());
  }
}

}  // namespace
}  // namespace elves
