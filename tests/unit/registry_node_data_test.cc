#include <gtest/gtest.h>

#include "registry/node_data.h"

namespace elves::registry {
namespace {

TEST(NodeData, WhatASchedulerTellsAboutItself) {
  Self self;
  self.host = "a \"b\"";
  self.thrift_port = 10101;
  self.admin_port = 10180;
  self.version = "0.1.0";
  self.pid = 42;
  self.started = WallTime(Seconds(1'700'000'000));
  self.instance = "00000000000000AA";
  EXPECT_EQ(self_text(self),
            R"({"host":"a \"b\"","thrift_port":10101,"admin_port":10180,"version":"0.1.0","pid":42,)"
            R"("start_time":"2023-11-14T22:13:20Z","instance":"00000000000000AA"})");
}

TEST(NodeData, OnlyObjectsOfABoundedSizeAreTaken) {
  EXPECT_EQ(object_text(" {\"a\" : [1, null]} ", 100), R"({"a":[1,null]})");
  for (const char* other : {"", "{", "[]", "5", "null", "\"x\"", "{} {}", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(object_text(other, 100), std::nullopt) << other;
  }
  EXPECT_EQ(object_text("{}", 1), std::nullopt);
  EXPECT_EQ(object_text(R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') + '}', 10000),
            std::nullopt);
}

TEST(NodeData, AnAgentsNodeMayHoldAnything) {
  const auto found = agent_data(R"({"state":"ok","version":1.5,"apps":{"a":"1"},"other":true})");
  EXPECT_EQ(found.state, "ok");
  EXPECT_EQ(found.version, "1.5E0");
  EXPECT_EQ(found.apps, R"({"a":"1"})");
  for (const char* other : {"", "[]", "nonsense", "{}", R"({"version":null})"}) {
    EXPECT_EQ(agent_data(other).state, "") << other;
    EXPECT_EQ(agent_data(other).version, "") << other;
    EXPECT_EQ(agent_data(other).apps, "null") << other;
  }
}

TEST(NodeData, AddressesOfProcessors) {
  for (const char* address : {"10.0.0.1:9000", "[::1]:9000", "some-host.example:1", "a_b:65535"}) {
    EXPECT_EQ(address_of(address), address);
  }
  EXPECT_EQ(address_of(" 10.0.0.1:9000\r\n"), "10.0.0.1:9000");
  for (const char* none :
       {"", ":", "host", "host:", ":1", "host:0", "host:65536", "host:-1", "host:1x", "a b:1", "::1:9000",
        "[]:1", "[host]:1", "http://host:1", "{\"host\":1}", "\xff:1", "h\n:1"}) {
    EXPECT_EQ(address_of(none), std::nullopt) << none;
  }
  EXPECT_EQ(address_of(std::string(300, 'a') + ":1"), std::nullopt);
}

TEST(NodeData, EnsembleListsMayHaveAChrootAndLackPorts) {
  const auto parts = [](const char* host) {
    const auto found = ensemble_of(host);
    return found.hosts + '|' + found.chroot;
  };
  EXPECT_EQ(parts("192.168.6.117"), "192.168.6.117:2181|");
  EXPECT_EQ(parts("a:1,b:2,c:3"), "a:1,b:2,c:3|");
  EXPECT_EQ(parts("a,b:2/elves/x"), "a:2181,b:2|/elves/x");
  EXPECT_EQ(parts("a:1/"), "a:1|");
  EXPECT_EQ(parts("[::1],[::2]:5,"), "[::1]:2181,[::2]:5|");
}

}  // namespace
}  // namespace elves::registry
