#include "unit/wire_loop.h"
#include "unit/wire_server_fixture.h"
#include "wire/channel.h"

namespace elves::wire {
namespace {

using test::Loop;
using test::Peer;
using test::ServerTest;
using Refusals = std::vector<Door::Refusal>;

Networks networks(const char* text) { return Networks::parse(text).value(); }

TEST_F(ServerTest, ConnectionsOverTheCapAreClosed) {
  start({}, {.max_connections = 2});
  Peer first = peer();
  std::optional<Peer> second(peer());
  expect_connections(2);
  Peer third = peer();
  expect_closed(third);
  second.reset();
  expect_connections(1);
  Peer fourth = peer();
  fourth.send(result("4"));
  expect_answer(fourth, success_);
  EXPECT_EQ(refused_, Refusals{Door::Refusal::full});
}

TEST_F(ServerTest, ConnectionsOfOneAddressAreCapped) {
  start({}, {.max_per_address = 1});
  Peer first = peer();
  expect_connections(1);
  Peer second = peer();
  expect_closed(second);
  EXPECT_EQ(refused_, Refusals{Door::Refusal::address_full});

  Channel elsewhere(loop_.io, loop_.timers, {});
  elsewhere.come_from("127.0.0.9");
  ASSERT_TRUE(loop_.run(elsewhere.connect("127.0.0.1", server_->port(), Loop::in(Seconds(10)))));
  EXPECT_TRUE(loop_.run(elsewhere.call(result("1"), Loop::in(Seconds(10)))));
  EXPECT_EQ(sink_.peers, std::vector<std::string>{"127.0.0.9"});
}

TEST_F(ServerTest, StrangersAreClosedBeforeAnythingIsRead) {
  start({}, {.allow = networks("127.0.0.9")});
  Peer stranger = peer();
  stranger.send(result("1"));
  loop_.until([&] { return stranger.closed_by_server(); }, "the server closes");
  EXPECT_TRUE(sink_.ids.empty());
  EXPECT_EQ(refused_, Refusals{Door::Refusal::stranger});
  door_.set_limits({.allow = networks("127.0.0.0/24")});
  Peer friendly = peer();
  friendly.send(result("2"));
  expect_answer(friendly, success_);
}

TEST_F(ServerTest, WhoNeverSpeaksIsClosedSoonerThanWhoRests) {
  start({.first = Millis(50), .idle = Seconds(100)});
  Peer spoke = peer();
  spoke.send(result("1"));
  expect_answer(spoke, success_);
  Peer silent = peer(), half = peer();
  half.send(result("2").substr(0, 20));
  expect_closed(silent);
  expect_closed(half);
  expect_connections(1);
  EXPECT_EQ(refused_, (Refusals{Door::Refusal::slow, Door::Refusal::slow}));
}

TEST_F(ServerTest, WhatIsNoCallIsCounted) {
  start();
  Peer browser = peer();
  browser.send("GET / HTTP/1.1\r\n\r\n");
  expect_closed(browser);
  EXPECT_EQ(refused_, Refusals{Door::Refusal::broken});
}

TEST_F(ServerTest, DeeperThanTheLimitIsNoCall) {
  start({.message = {.max_depth = 2}});
  Peer deep = peer();
  deep.send(result("1"));
  expect_closed(deep);
  EXPECT_EQ(refused_, Refusals{Door::Refusal::broken});
}

// An address that is not this machine's, or of the other family, is no reason not to connect.
TEST_F(ServerTest, AChannelComesFromWhereItCan) {
  start();
  for (const char* from : {"203.0.113.1", "::1", "", "nonsense"}) {
    Channel channel(loop_.io, loop_.timers, {});
    channel.come_from(from);
    ASSERT_TRUE(loop_.run(channel.connect("127.0.0.1", server_->port(), Loop::in(Seconds(10))))) << from;
    ASSERT_TRUE(loop_.run(channel.call(result(from), Loop::in(Seconds(10))))) << from;
  }
  EXPECT_EQ(sink_.peers, std::vector<std::string>(4, "127.0.0.1"));
}

}  // namespace
}  // namespace elves::wire
