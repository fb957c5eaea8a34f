#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "broker/rounds.h"

namespace elves::broker {
namespace {

const std::vector<HostPort> kThree{{"a", 1}, {"b", 2}, {"c", 3}};

std::vector<std::string> round_of(Rounds& rounds) {
  std::vector<std::string> hosts;
  do {
    hosts.push_back(rounds.next().host);
  } while (!rounds.over());
  return hosts;
}

TEST(BrokerRounds, EachNodeHasItsTurnOnceInARound) {
  Rounds rounds(kThree);
  for (int i = 0; i < 20; ++i) {
    const auto round = round_of(rounds);
    EXPECT_EQ(round.size(), 3U);
    EXPECT_EQ(std::set<std::string>(round.begin(), round.end()).size(), 3U);
  }
}

TEST(BrokerRounds, TheOrderIsAnotherOneEachTime) {
  Rounds rounds(kThree);
  std::set<std::vector<std::string>> orders;
  for (int i = 0; i < 200; ++i) orders.insert(round_of(rounds));
  EXPECT_GT(orders.size(), 1U);
}

TEST(BrokerRounds, TheOneThatWasLostHasHadItsTurnInANewRound) {
  for (int i = 0; i < 50; ++i) {
    Rounds rounds(kThree);
    std::string lost = rounds.next().host;
    if (i % 2 == 0) lost = rounds.next().host;
    rounds.begin_anew();
    EXPECT_FALSE(rounds.over());
    const auto rest = round_of(rounds);
    EXPECT_EQ(rest.size(), 2U);
    EXPECT_EQ(std::ranges::count(rest, lost), 0);
  }
}

TEST(BrokerRounds, ASingleNodeIsARound) {
  Rounds rounds({{"a", 1}});
  EXPECT_EQ(rounds.next().port, 1);
  EXPECT_TRUE(rounds.over());
  rounds.begin_anew();
  EXPECT_TRUE(rounds.over());
  EXPECT_EQ(rounds.next().port, 1);
}

}  // namespace
}  // namespace elves::broker
