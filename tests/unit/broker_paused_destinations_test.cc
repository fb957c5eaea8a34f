#include <gtest/gtest.h>

#include <string>

#include "broker/paused_destinations.h"

namespace elves::broker {
namespace {

class Paused : public testing::Test {
 protected:
  PendingAt add(const std::string& routing_key, Outgoing::Kind kind = Outgoing::Kind::terminal) {
    Pending message;
    message.what.kind = kind;
    message.what.exchange = "elves";
    message.what.routing_key = routing_key;
    message.number = number_++;
    return messages_.insert(messages_.end(), std::move(message));
  }
  void refuse(PendingAt message) { paused_.refused(message, "the broker refuses", now_); }
  // The next turn, as soon as there is one.
  PendingAt turn() {
    const auto due = paused_.due();
    EXPECT_TRUE(due);
    now_ = std::max(now_, due.value_or(now_));
    const auto message = paused_.next(now_);
    EXPECT_TRUE(message);
    return message.value_or(messages_.end());
  }

  PausedDestinations paused_{{Seconds(300), Seconds(3600)}};
  PendingList messages_;
  std::uint64_t number_ = 0;
  SteadyTime now_{Seconds(1000)};
};

TEST_F(Paused, OthersPass) {
  refuse(add("full"));
  EXPECT_FALSE(paused_.keep(add("other"), now_));
  EXPECT_TRUE(paused_.keep(add("full"), now_));
  EXPECT_EQ(paused_.counts().destinations, 1U);
  EXPECT_EQ(paused_.counts().messages, 2U);
}

TEST_F(Paused, AThousandRefusalsTakeHours) {
  const SteadyTime begin = now_;
  refuse(add("full"));
  for (int i = 0; i < 1000; ++i) refuse(turn());
  EXPECT_GT(now_ - begin, std::chrono::hours(4));
  EXPECT_LT(now_ - begin, std::chrono::hours(17));
}

TEST_F(Paused, OneAtATimeAndInOrder) {
  const PendingAt first = add("full");
  const PendingAt second = add("full");
  const PendingAt third = add("full");
  refuse(second);
  refuse(first);
  EXPECT_TRUE(paused_.keep(third, now_));
  EXPECT_EQ(turn(), first);
  EXPECT_FALSE(paused_.due());
  refuse(first);
  EXPECT_EQ(turn(), first);
  paused_.confirmed(*first, now_);
  EXPECT_EQ(turn(), second);
  EXPECT_EQ(turn(), third);
}

TEST_F(Paused, ConfirmsOpenItAndItIsOverAfterAWhile) {
  refuse(add("full"));
  paused_.confirmed(*turn(), now_);
  EXPECT_FALSE(paused_.keep(add("full"), now_));
  paused_.look(now_);
  EXPECT_EQ(paused_.counts().destinations, 1U);
  now_ += Seconds(10);
  paused_.look(now_);
  EXPECT_TRUE(paused_.empty());
}

TEST_F(Paused, AnAnswerIsGivenUpEarlier) {
  const PendingAt result = add("full");
  const PendingAt reply = add("full", Outgoing::Kind::reply);
  refuse(result);
  refuse(reply);
  EXPECT_TRUE(paused_.give_up(now_ + Seconds(299)).empty());
  EXPECT_EQ(paused_.give_up(now_ + Seconds(300)), std::vector{reply});
  EXPECT_TRUE(paused_.give_up(now_ + Seconds(3599)).empty());
  EXPECT_EQ(paused_.give_up(now_ + Seconds(3600)), std::vector{result});
  EXPECT_EQ(paused_.counts().messages, 0U);
  paused_.look(now_ + Seconds(3600));
  EXPECT_TRUE(paused_.empty());
}

TEST_F(Paused, ASilentOneGetsNothingUntilItConfirms) {
  const PendingAt stuck = add("stuck");
  paused_.silent(*stuck, now_);
  EXPECT_TRUE(paused_.keep(add("stuck"), now_));
  EXPECT_FALSE(paused_.due());
  paused_.confirmed(*stuck, now_);
  turn();
}

TEST_F(Paused, ASilentOneIsTriedWithOneMessageOnANewConnection) {
  const PendingAt stuck = add("stuck");
  const PendingAt behind = add("stuck");
  paused_.silent(*stuck, now_);
  EXPECT_TRUE(paused_.keep(behind, now_));
  paused_.begin_again(now_);
  EXPECT_TRUE(paused_.keep(stuck, now_));
  EXPECT_TRUE(paused_.keep(behind, now_));
  EXPECT_EQ(turn(), stuck);
  EXPECT_FALSE(paused_.due());
}

TEST_F(Paused, AForbiddenExchangeHoldsAllThatGoesThere) {
  paused_.forbidden({"elves", std::nullopt}, "403", now_);
  EXPECT_TRUE(paused_.keep(add("one"), now_));
  EXPECT_TRUE(paused_.keep(add("two"), now_));
  const PendingAt elsewhere = add("three");
  elsewhere->what.exchange = "";
  EXPECT_FALSE(paused_.keep(elsewhere, now_));
  paused_.confirmed(*turn(), now_);
  turn();
}

TEST_F(Paused, WhatWasNotSentAfterAllMakesRoom) {
  refuse(add("full"));
  EXPECT_TRUE(paused_.keep(add("full"), now_));
  paused_.withdrawn(*turn());
  turn();
}

}  // namespace
}  // namespace elves::broker
