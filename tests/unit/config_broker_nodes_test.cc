#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/broker_nodes.h"

namespace elves::config {
namespace {

std::vector<HostPort> nodes(const std::string& list) {
  const auto parsed = parse_broker_nodes(list, "mq", 5671);
  return parsed ? *parsed : std::vector<HostPort>{};
}

TEST(ConfigBrokerNodes, WhatAnEntryLeavesOutIsGivenByTheOtherKeys) {
  EXPECT_EQ(nodes(""), (std::vector<HostPort>{{"mq", 5671}}));
  EXPECT_EQ(nodes("a:5672,b,[::1]:5673"), (std::vector<HostPort>{{"a", 5672}, {"b", 5671}, {"::1", 5673}}));
  EXPECT_EQ(nodes("[::1], ::2 ,:5674"), (std::vector<HostPort>{{"::1", 5671}, {"::2", 5671}, {"mq", 5674}}));
}

TEST(ConfigBrokerNodes, WhatIsNoListIsRefused) {
  for (const char* list :
       {",", "a,", ",a", "a,,b", "a:", "a:x", "a:0", "a:65536", "a b", "[::1", "a:1:2", ":", "amqp://a"}) {
    EXPECT_FALSE(parse_broker_nodes(list, "mq", 5671)) << list;
  }
}

}  // namespace
}  // namespace elves::config
