#include <gtest/gtest.h>

#include <vector>

#include "base/door.h"

namespace elves {
namespace {

struct DoorTest : testing::Test {
  Door door(DoorLimits limits) {
    return Door({"allow", "most", "most of one"}, std::move(limits),
                [this](Door::Refusal why) { refused.push_back(why); });
  }
  std::vector<Door::Refusal> refused;
};

TEST_F(DoorTest, APlaceIsHeldUntilItIsDropped) {
  Door one = door({.max_connections = 1});
  auto first = one.enter("10.0.0.1");
  EXPECT_TRUE(first);
  EXPECT_FALSE(one.enter("10.0.0.2"));
  EXPECT_EQ(one.count(), 1U);
  first.reset();
  EXPECT_EQ(one.count(), 0U);
  EXPECT_TRUE(one.enter("10.0.0.2"));
  EXPECT_EQ(refused, std::vector{Door::Refusal::full});
}

TEST_F(DoorTest, CountsIpv6ByNetworkAndIpv4ByAddress) {
  Door one = door({.max_per_address = 1});
  const auto v6 = one.enter("2001:db8::1");
  EXPECT_FALSE(one.enter("2001:db8::2"));
  EXPECT_TRUE(one.enter("2001:db8:0:1::2"));
  const auto v4 = one.enter("10.0.0.1");
  EXPECT_FALSE(one.enter("::ffff:10.0.0.1"));
  EXPECT_TRUE(one.enter("10.0.0.2"));
  EXPECT_EQ(refused, std::vector(2, Door::Refusal::address_full));
}

TEST_F(DoorTest, APeerWithoutAnAddressIsAStrangerWhereThereIsAList) {
  Door listed = door({.allow = *Networks::parse("0.0.0.0/0,::/0")});
  EXPECT_FALSE(listed.enter("unknown peer"));
  EXPECT_EQ(refused, std::vector{Door::Refusal::stranger});
  EXPECT_TRUE(door({}).enter("unknown peer"));
}

TEST_F(DoorTest, PlacesMayOutliveIt) {
  Door::Place place;
  {
    Door one = door({});
    place = one.enter("10.0.0.1");
  }
  place.reset();
}

TEST_F(DoorTest, SmallerLimitsSendNobodyAway) {
  Door one = door({});
  const auto first = one.enter("10.0.0.1");
  const auto second = one.enter("10.0.0.1");
  one.set_limits({.max_connections = 1});
  EXPECT_EQ(one.count(), 2U);
  EXPECT_FALSE(one.enter("10.0.0.3"));
}

TEST(Rarely, LetsOneThroughAndCountsTheOthers) {
  Rarely rarely(Seconds(10));
  const SteadyTime start{};
  EXPECT_EQ(rarely.pass(start), 0U);
  EXPECT_FALSE(rarely.pass(start + Seconds(1)));
  EXPECT_FALSE(rarely.pass(start + Seconds(9)));
  EXPECT_EQ(rarely.pass(start + Seconds(10)), 2U);
  EXPECT_FALSE(rarely.pass(start + Seconds(19)));
}

}  // namespace
}  // namespace elves
