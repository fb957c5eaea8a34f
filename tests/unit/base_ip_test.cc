#include <gtest/gtest.h>

#include "base/ip.h"

namespace elves {
namespace {

bool inside(const char* networks, const char* address) {
  return Networks::parse(networks).value().contains(std::string_view(address));
}

TEST(IpAddress, TakesLiteralsOnly) {
  for (const char* text : {"10.0.0.1", "::1", "2001:db8::7", "::ffff:10.0.0.1"})
    EXPECT_TRUE(IpAddress::parse(text)) << text;
  for (const char* text :
       {"", "localhost", "10.0.0", "010.0.0.1", "0x0a.0.0.1", "167772161", "10.1", "10.0.0.1 ", "fe80::1%lo",
        "[::1]", "10.0.0.1:80", "1.2.3.4.5", "::ffff:10.0.0.256"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0", 9)));
  EXPECT_FALSE(IpAddress::parse(std::string(1000, '1')));
}

TEST(IpAddress, IsWhatItReachesHoweverItIsSpelled) {
  EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1"), IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(IpAddress::parse("::ffff:a00:1"), IpAddress::parse("10.0.0.1"));
  EXPECT_EQ(IpAddress::parse("0:0:0:0:0:0:0:1"), IpAddress::parse("::1"));
  EXPECT_EQ(IpAddress::parse("2001:DB8:0::1")->text(), "2001:db8::1");
  EXPECT_EQ(IpAddress::parse("0::FFFF:A9FE:A9FE")->text(), "169.254.169.254");
  EXPECT_NE(IpAddress::parse("::10.0.0.1"), IpAddress::parse("10.0.0.1"));
}

TEST(IpAddress, AnIpv6HostIsHeldByItsNetwork) {
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->holder(), IpAddress::parse("2001:db8::ffff:2")->holder());
  EXPECT_NE(IpAddress::parse("2001:db8:0:1::1")->holder(), IpAddress::parse("2001:db8:0:2::1")->holder());
  EXPECT_NE(IpAddress::parse("10.0.0.1")->holder(), IpAddress::parse("10.0.0.2")->holder());
}

TEST(Networks, ContainWhatBeginsAsTheyDo) {
  EXPECT_TRUE(inside("10.0.0.0/8", "10.255.0.1"));
  EXPECT_TRUE(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_FALSE(inside("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(inside("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(inside("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(inside("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(inside("10.1.2.3", "10.1.2.4"));
  EXPECT_TRUE(inside("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(inside("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(inside("10.0.0.0/8, 2001:db8::/32", "2001:db8::1"));
  EXPECT_TRUE(inside("::ffff:10.0.0.0/104", "10.9.9.9"));
}

TEST(Networks, NothingSlipsIn) {
  for (const char* address :
       {"169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::1", "127.0.0.1", "::127.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "", "10.0.0.1%1", "0.0.0.0", "::"})
    EXPECT_FALSE(inside("10.0.0.0/8", address)) << address;
}

TEST(Networks, EverythingIsStillNoMoreThanMachinesOfOneFamily) {
  EXPECT_TRUE(inside("0.0.0.0/0", "127.0.0.1"));
  for (const char* address :
       {"0.0.0.0", "::ffff:0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.1.1", "::1"})
    EXPECT_FALSE(inside("0.0.0.0/0", address)) << address;
  EXPECT_TRUE(inside("::/0", "::1"));
  for (const char* address : {"::", "ff02::1", "10.0.0.1", "::ffff:10.0.0.1"})
    EXPECT_FALSE(inside("::/0", address)) << address;
}

TEST(Networks, AreRefusedWhenTheyMayNotMeanWhatTheySay) {
  for (const char* text :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10/8", "any", "10.0.0.0/8,",
        ",", "10.0.0.0/8 10.1.0.0/16", "2001:db8::1/32", "::/129", "::ffff:0.0.0.0/90"})
    EXPECT_FALSE(Networks::parse(text)) << text;
  EXPECT_TRUE(Networks::parse("")->empty());
  EXPECT_TRUE(Networks::parse("  ")->empty());
}

TEST(Networks, SayWhatTheyAre) {
  EXPECT_EQ(Networks::parse(" 10.0.0.0/8 ,2001:DB8::/32,::ffff:1.2.3.4, ::1 ")->text(),
            "10.0.0.0/8,2001:db8::/32,1.2.3.4,::1");
  EXPECT_EQ(Networks::parse("0.0.0.0/0,::/0")->text(), "0.0.0.0/0,::/0");
}

}  // namespace
}  // namespace elves
