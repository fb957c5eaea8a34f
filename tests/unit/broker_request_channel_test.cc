#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "broker/request_channel.h"

namespace elves::broker {
namespace {

using Told = std::vector<std::pair<std::uint64_t, bool>>;

class AChannelOfRequests : public ::testing::Test {
 protected:
  void deliver(std::uint64_t first, std::uint64_t last) {
    for (auto tag = first; tag <= last; ++tag) channel.delivered(tag);
  }

  Told tell(const std::vector<std::uint64_t>& tags) {
    for (const auto tag : tags) channel.acknowledge(tag);
    Told told;
    channel.tell([&](std::uint64_t tag, bool multiple) { told.emplace_back(tag, multiple); });
    return told;
  }

  RequestChannel channel;
};

TEST_F(AChannelOfRequests, TellsOfAnUnbrokenRunInOneWord) {
  deliver(1, 5);
  EXPECT_EQ(tell({3, 1, 2}), (Told{{3, true}}));
  EXPECT_EQ(channel.open(), 2U);
  EXPECT_EQ(tell({}), Told());
}

TEST_F(AChannelOfRequests, TellsSinglyOfWhatIsBeyondAGapWhichJoinsTheRunLater) {
  deliver(1, 6);
  EXPECT_EQ(tell({6, 1, 4}), (Told{{1, true}, {4, false}, {6, false}}));
  EXPECT_EQ(channel.open(), 3U);
  EXPECT_EQ(tell({2, 3}), (Told{{3, true}})) << "of 4 it was told before";
  EXPECT_EQ(tell({5}), (Told{{5, true}}));
  EXPECT_EQ(channel.open(), 0U);
}

TEST_F(AChannelOfRequests, HasRoomForWhatItsConsumerHasNotOpen) {
  EXPECT_EQ(channel.room(), 0U) << "no consumer";
  EXPECT_FALSE(channel.is_full());
  channel.begin("a", 3);
  EXPECT_EQ(channel.room(), 3U);
  EXPECT_FALSE(channel.is_full());
  deliver(1, 3);
  EXPECT_EQ(channel.room(), 0U);
  EXPECT_TRUE(channel.is_full());
  channel.acknowledge(2);
  EXPECT_EQ(channel.room(), 0U) << "the broker does not know yet";
  tell({});
  EXPECT_EQ(channel.room(), 1U);
}

TEST_F(AChannelOfRequests, CountsForAConsumerOnlyWhatCameSinceItBegan) {
  channel.begin("a", 3);
  deliver(1, 3);
  channel.end();
  EXPECT_FALSE(channel.consumes());
  tell({2});
  channel.begin("b", 2);
  EXPECT_EQ(channel.room(), 2U);
  EXPECT_EQ(channel.open(), 2U);
  deliver(4, 5);
  EXPECT_EQ(channel.room(), 0U);
  EXPECT_EQ(tell({1, 4}), (Told{{1, true}, {4, false}}));
  EXPECT_EQ(channel.room(), 1U) << "for 4; 1 was another consumer's";
  EXPECT_EQ(channel.open(), 2U);
}

}  // namespace
}  // namespace elves::broker
