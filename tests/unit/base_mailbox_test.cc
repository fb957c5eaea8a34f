#include <gtest/gtest.h>
#include <poll.h>

#include "base/mailbox.h"

namespace elves {
namespace {

bool calls(const Mailbox<int>& mailbox) {
  pollfd mail{.fd = mailbox.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&mail, 1, 0) == 1;
}

using Values = std::vector<int>;

TEST(Mailbox, CallsUntilItIsEmptied) {
  Mailbox<int> mailbox;
  EXPECT_FALSE(calls(mailbox));
  mailbox.push(1);
  mailbox.push(2);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(mailbox.take(), (Values{1, 2}));
  EXPECT_FALSE(calls(mailbox));
  EXPECT_EQ(mailbox.take(), Values{});
}

TEST(Mailbox, WhatIsLeftCallsAnOwnerThatIsIdle) {
  Mailbox<int> mailbox;
  mailbox.leave(1);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(mailbox.take(), Values{1});
  mailbox.leave(2);
  EXPECT_FALSE(calls(mailbox)) << "the owner is to look again by itself";
  EXPECT_EQ(mailbox.take(), Values{2});
  EXPECT_EQ(mailbox.take(), Values{});
  mailbox.leave(3);
  EXPECT_TRUE(calls(mailbox));
}

TEST(Mailbox, WhatIsPushedBehindWhatWasLeftCalls) {
  Mailbox<int> mailbox;
  mailbox.push(1);
  mailbox.take();
  mailbox.leave(2);
  mailbox.push(3);
  EXPECT_TRUE(calls(mailbox));
  EXPECT_EQ(mailbox.take(), (Values{2, 3}));
}

}  // namespace
}  // namespace elves
