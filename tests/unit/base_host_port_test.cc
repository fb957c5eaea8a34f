#include <gtest/gtest.h>

#include "base/host_port.h"

namespace elves {
namespace {

TEST(HostPort, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(parse_host_port("10.0.0.1:80"), (HostPort{"10.0.0.1", 80}));
  EXPECT_EQ(parse_host_port("[2001:db8::1]:80"), (HostPort{"2001:db8::1", 80}));
  EXPECT_EQ(parse_host_port("broker_1.example-net.org:65535"), (HostPort{"broker_1.example-net.org", 65535}));
}

TEST(HostPort, WithoutAPortTheOtherOneCounts) {
  EXPECT_EQ(parse_host_port("name", 7), (HostPort{"name", 7}));
  EXPECT_EQ(parse_host_port("name:8", 7), (HostPort{"name", 8}));
  EXPECT_EQ(parse_host_port("::1", 7), (HostPort{"::1", 7}));
  EXPECT_EQ(parse_host_port("[::1]", 7), (HostPort{"::1", 7}));
  EXPECT_FALSE(parse_host_port("name"));
  EXPECT_FALSE(parse_host_port("::1"));
}

TEST(HostPort, AnythingElseIsNone) {
  for (const auto* text : {"", ":", ":80", "a:", "a:0", "a:65536", "a:80x", "a b:80", "a,b:80", "[name]:80",
                           "[::1:80", "::1]:80", "http://a:80", "a/b:80", "u@a:80"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
  EXPECT_FALSE(parse_host_port(std::string(254, 'a'), 1));
}

TEST(HostPort, IsShownSoThatItCanBeReadAgain) {
  for (const HostPort& one : {HostPort{"::1", 1}, HostPort{"1.2.3.4", 2}, HostPort{"name", 3}}) {
    EXPECT_EQ(parse_host_port(one.text()), one);
  }
}

}  // namespace
}  // namespace elves
