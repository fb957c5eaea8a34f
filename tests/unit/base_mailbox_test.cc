#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "base/mailbox.h"

namespace elves {
namespace {

bool calls(const Mailbox<int>& mailbox, int patience_ms = 0) {
  pollfd mail{.fd = mailbox.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&mail, 1, patience_ms) == 1;
}

using Values = std::vector<int>;

Values take(Mailbox<int>& mailbox) {
  Values taken;
  const auto count = mailbox.take([&](int value) { taken.push_back(value); });
  EXPECT_EQ(count, taken.size());
  return taken;
}

TEST(Mailbox, CallsUntilItIsEmptied) {
  Mailbox<int> mailbox;
  EXPECT_FALSE(calls(mailbox));
  mailbox.push(1);
  mailbox.push(2);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(take(mailbox), (Values{1, 2}));
  EXPECT_FALSE(calls(mailbox));
  EXPECT_EQ(take(mailbox), Values{});
}

TEST(Mailbox, WhatIsLeftCallsAnOwnerThatIsIdle) {
  Mailbox<int> mailbox;
  mailbox.leave(1);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(take(mailbox), Values{1});
  mailbox.leave(2);
  EXPECT_FALSE(calls(mailbox)) << "the owner is to look again by itself";
  EXPECT_EQ(take(mailbox), Values{2});
  EXPECT_EQ(take(mailbox), Values{});
  mailbox.leave(3);
  EXPECT_TRUE(calls(mailbox));
}

TEST(Mailbox, WhatIsPushedBehindWhatWasLeftCalls) {
  Mailbox<int> mailbox;
  mailbox.push(1);
  take(mailbox);
  mailbox.leave(2);
  mailbox.push(3);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(take(mailbox), (Values{2, 3}));
}

// An owner that never looks unless it was woken gets everything, and rests at the end.
TEST(Mailbox, NoWakeIsLostBetweenManyProducers) {
  constexpr int producers = 4;
  constexpr int each = 20000;
  constexpr std::size_t all = std::size_t{producers} * each;
  Mailbox<int> box;
  std::vector<std::thread> threads;
  threads.reserve(producers);
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&box] {
      for (int i = 0; i < each; ++i) box.push(i);
    });
  }
  std::size_t taken = 0;
  while (taken < all) {
    if (!calls(box, 10000)) break;
    taken += take(box).size();
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, all);
  take(box);  // a wake that came after its value was taken
  EXPECT_FALSE(calls(box));
}

}  // namespace
}  // namespace elves
