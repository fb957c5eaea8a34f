#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/refusal.h"

namespace elves::broker {
namespace {

TEST(Refusal, SaysWhatToDo) {
  for (const int code : {311, 403, 404, 405, 406, 501, 502, 503, 504, 505, 506, 530, 540, 541}) {
    EXPECT_NE(advice(code, "WORDS"), "") << code;
    EXPECT_THAT(refusal_text("channel", code, "WORDS"),
                testing::StartsWith("channel closed by the broker: " + std::to_string(code) + " WORDS; "));
  }
  EXPECT_EQ(refusal_text("connection", 320, "CONNECTION_FORCED"),
            "connection closed by the broker: 320 CONNECTION_FORCED");
}

TEST(Refusal, KnowsTheLargestMessage) {
  EXPECT_EQ(largest_message(
                "channel closed by the broker: 406 PRECONDITION_FAILED - message size 2000150 is larger "
                "than configured max size 1000000"),
            1'000'000U);
  EXPECT_EQ(largest_message("message size 134217729 is larger than max size 134217728; and more"),
            134'217'728U);
  EXPECT_FALSE(largest_message("PRECONDITION_FAILED - inequivalent arg 'max size 5' for queue"));
  EXPECT_FALSE(largest_message("message size 5 is larger than max size "));
  EXPECT_FALSE(largest_message("message size 5 is larger than max size 99999999999999999999999"));
  EXPECT_THAT(advice(406, "message size 5 is larger than max size 4"),
              testing::HasSubstr("max_message_size"));
}

TEST(Refusal, KnowsThePlace) {
  EXPECT_EQ(forbidden_place(
                "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'e'"),
            (Forbidden{"", std::nullopt}));
  EXPECT_EQ(
      forbidden_place("ACCESS_REFUSED - write access to exchange 'elves' in vhost '/' refused for user 'e'"),
      (Forbidden{"elves", std::nullopt}));
  EXPECT_EQ(forbidden_place("ACCESS_REFUSED - cannot publish to internal exchange 'elves' in vhost '/'"),
            (Forbidden{"elves", std::nullopt}));
  EXPECT_EQ(forbidden_place(
                "ACCESS_REFUSED - access to topic 'a.b' in exchange exchange 'elves' in vhost '/' refused "
                "for user 'e'"),
            (Forbidden{"elves", "a.b"}));
  EXPECT_FALSE(
      forbidden_place("ACCESS_REFUSED - access to queue 'scheduler' in vhost '/' refused for user 'e'"));
}

}  // namespace
}  // namespace elves::broker
