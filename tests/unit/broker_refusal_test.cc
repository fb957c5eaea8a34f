// What the broker's refusals mean, by words of RabbitMQ 3.10.
#include <amqp.h>
#include <amqp_framing.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/odd_secret.h"
#include "broker/login.h"
#include "broker/refusal.h"

namespace elves::broker {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string words(int code, const std::string& text, amqp_method_number_t method = 0) {
  return Refusal{code, text, method}.words("it");
}

TEST(BrokerRefusal, TheBrokersWordsComeFirst) {
  EXPECT_THAT(words(541, "INTERNAL_ERROR"), testing::StartsWith("it: 541 INTERNAL_ERROR; the broker failed"));
  EXPECT_EQ(words(999, "NEW - something"), "it: 999 NEW - something");
}

TEST(BrokerRefusal, AMissingRightIsNamed) {
  const std::string queue =
      "ACCESS_REFUSED - access to queue 'scheduler' in vhost '/' refused for user 'elves'";
  const std::string exchange =
      "ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'elves'";
  EXPECT_THAT(words(403, queue, AMQP_QUEUE_DECLARE_METHOD), HasSubstr("no right 'configure'"));
  EXPECT_THAT(words(403, queue, AMQP_BASIC_CONSUME_METHOD), HasSubstr("no right 'read' on the queue"));
  EXPECT_THAT(words(403, queue, AMQP_QUEUE_BIND_METHOD), HasSubstr("'write' on the queue, or 'read' on"));
  EXPECT_THAT(words(403, exchange, AMQP_BASIC_PUBLISH_METHOD), HasSubstr("no right 'write' on amq.default"));
  EXPECT_THAT(words(403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."),
              HasSubstr("the password is wrong"));
  EXPECT_THAT(words(403, "ACCESS_REFUSED - queue 'scheduler' in vhost '/' in exclusive use",
                    AMQP_BASIC_CONSUME_METHOD),
              HasSubstr("another program consumes"));
}

TEST(BrokerRefusal, WhatElseABrokerRefusesHasAMeaningToo) {
  EXPECT_THAT(words(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'scheduler'"),
              HasSubstr("exclusive"));
  EXPECT_THAT(words(404, "NOT_FOUND - no exchange 'elves' in vhost '/'"), EndsWith("or was deleted"));
  EXPECT_THAT(words(404,
                    "NOT_FOUND - home node 'rabbit@a' of durable queue 'scheduler' in vhost '/' is down or "
                    "inaccessible"),
              HasSubstr("the node of the cluster that has it is away"));
  EXPECT_THAT(words(530, "NOT_ALLOWED - vhost x not found"), HasSubstr("add_vhost"));
  EXPECT_THAT(words(530, "NOT_ALLOWED - access to vhost 'x' refused for user 'y'"),
              HasSubstr("set_permissions -p"));
  EXPECT_THAT(words(530, "NOT_ALLOWED - number of channels opened (10) has reached the negotiated limit"),
              HasSubstr("limit"));
  EXPECT_THAT(words(406, "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out."),
              HasSubstr("mq.maxHold"));
  EXPECT_THAT(words(406, "PRECONDITION_FAILED - message size 2 is larger than configured max size 1"),
              HasSubstr("max_message_size"));
  EXPECT_THAT(words(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"),
              HasSubstr("shuts down"));
  EXPECT_THAT(words(505, "UNEXPECTED_FRAME"), HasSubstr("please report it"));
}

TEST(BrokerRefusal, WhatDiffersOfAThingThatExistsIsReadOutOfTheWords) {
  const Refusal type{
      406,
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'elves' in vhost '/': received "
      "'topic' but current is 'direct'",
      AMQP_EXCHANGE_DECLARE_METHOD};
  EXPECT_TRUE(type.otherwise());
  EXPECT_EQ(type.differs(), "type");
  EXPECT_EQ(type.current(), "direct");
  const Refusal queue{
      406,
      "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'scheduler' in vhost '/': "
      "received none but current is the value 'quorum' of type 'longstr'",
      AMQP_QUEUE_DECLARE_METHOD};
  EXPECT_EQ(queue.differs(), "x-queue-type");
  EXPECT_EQ(queue.current(), "quorum");
  const Refusal none{
      406,
      "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q': received the value "
      "'1' of type 'signedint' but current is none",
      AMQP_QUEUE_DECLARE_METHOD};
  EXPECT_EQ(none.current(), "");
  EXPECT_EQ((Refusal{406, "something else", 0}).differs(), "");
}

TEST(BrokerRefusal, ALoginThatIsRefusedIsLookedAtForWhatIsOdd) {
  const std::string refused = "connection closed by the broker: 403 ACCESS_REFUSED - Login was refused";
  BrokerOptions options;
  options.user = "elves";
  options.password = "sesame\n";
  EXPECT_EQ(login_hint(options, refused), "; the password ends with a line end: was that meant?");
  EXPECT_EQ(login_hint(options, "530 NOT_ALLOWED - vhost x not found"), "");
  options.password = "sesame";
  EXPECT_EQ(login_hint(options, refused), "");
  options.password = "guest";
  EXPECT_THAT(login_hint(options, refused), HasSubstr("set mq.password"));
  options.user = "guest";
  EXPECT_THAT(login_hint(options, refused), HasSubstr("broker's own machine"));
}

TEST(BaseOddSecret, SaysWhatIsProbablyNotMeant) {
  EXPECT_EQ(oddity("sesame"), "");
  EXPECT_EQ(oddity("with blank"), "");
  EXPECT_EQ(oddity(""), "is empty");
  EXPECT_EQ(oddity("sesame\r\n"), "ends with a line end");
  EXPECT_EQ(oddity("sesame\r"), "ends with a line end");
  EXPECT_EQ(oddity("sesame "), "ends with a blank");
  EXPECT_EQ(oddity(" sesame"), "begins with a blank");
  EXPECT_EQ(oddity("\"sesame\""), "stands in quotes");
  EXPECT_EQ(oddity("\xEF\xBB\xBFsesame"), "begins with a byte order mark");
  EXPECT_EQ(oddity("ses\x01me"), "has a control character in it");
}

TEST(BrokerRefusal, KnowsTheLargestMessage) {
  EXPECT_EQ(largest_message(
                "channel closed by the broker: 406 PRECONDITION_FAILED - message size 2000150 is larger "
                "than configured max size 1000000"),
            1'000'000U);
  EXPECT_EQ(largest_message("message size 134217729 is larger than max size 134217728; and more"),
            134'217'728U);
  EXPECT_FALSE(largest_message("PRECONDITION_FAILED - inequivalent arg 'max size 5' for queue"));
  EXPECT_FALSE(largest_message("message size 5 is larger than max size "));
  EXPECT_FALSE(largest_message("message size 5 is larger than max size 99999999999999999999999"));
}

TEST(BrokerRefusal, KnowsThePlace) {
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
