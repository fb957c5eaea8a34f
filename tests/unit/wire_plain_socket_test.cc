#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "unit/wire_loop.h"
#include "wire/plain_socket.h"

namespace elves::wire {
namespace {

using test::Loop;
using test::Peer;

// A socket and the other end of its connection.
struct Pair {
  explicit Pair(boost::asio::io_context& loop) : socket(std::make_shared<PlainSocket>(loop)), peer(ends()) {
    EXPECT_FALSE(socket->adopt(fds_[0]));
  }

  std::string read() {
    std::array<char, 16> space{};
    return {space.data(), socket->read_some_now(space)};
  }

 private:
  int ends() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_.data()), 0);
    return fds_[1];
  }
  std::array<int, 2> fds_{-1, -1};

 public:
  std::shared_ptr<PlainSocket> socket;
  Peer peer;
};

class PlainSocketTest : public testing::Test {
 protected:
  Loop loop_;
};

TEST_F(PlainSocketTest, WhoWaitsIsCalledOnceWhenSomethingComes) {
  Pair pair(loop_.io);
  int calls = 0;
  pair.socket->when_readable([&] { ++calls; });
  EXPECT_EQ(pair.read(), "") << "nothing has come";
  pair.peer.send("one");
  loop_.until([&] { return calls == 1; }, "the handler is called");
  EXPECT_EQ(pair.read(), "one");
  EXPECT_FALSE(pair.socket->has_something());
  pair.peer.send("two");
  loop_.until([&] { return pair.socket->has_something(); }, "more has come");
  EXPECT_EQ(calls, 1);
}

TEST_F(PlainSocketTest, WhatCameBeforeAnybodyWaitedIsNotForgotten) {
  Pair pair(loop_.io);
  pair.peer.send("early");
  loop_.until([&] { return pair.socket->has_something(); }, "it is noticed");
  bool called = false;
  pair.socket->when_readable([&] { called = true; });
  EXPECT_FALSE(called) << "never within";
  loop_.until([&] { return called; }, "the handler is called");
  EXPECT_EQ(pair.read(), "early");
}

TEST_F(PlainSocketTest, MoreThanWasReadIsStillThere) {
  Pair pair(loop_.io);
  pair.peer.send("0123456789abcdefghij");
  loop_.until([&] { return pair.socket->has_something(); }, "it is noticed");
  EXPECT_EQ(pair.read(), "0123456789abcdef");
  bool called = false;
  pair.socket->when_readable([&] { called = true; });
  loop_.until([&] { return called; }, "the rest is told of");
  EXPECT_EQ(pair.read(), "ghij");
}

TEST_F(PlainSocketTest, TheEndIsSomethingToRead) {
  Pair pair(loop_.io);
  pair.peer.send("last");
  pair.peer.close();
  loop_.until([&] { return pair.socket->has_something(); }, "it is noticed");
  EXPECT_EQ(pair.read(), "last");
  EXPECT_FALSE(pair.socket->fault());
  EXPECT_TRUE(pair.socket->has_something()) << "the end";
  bool called = false;
  pair.socket->when_readable([&] { called = true; });
  loop_.until([&] { return called; }, "the end is told of");
  EXPECT_EQ(pair.read(), "");
  EXPECT_EQ(pair.socket->fault(), boost::asio::error::eof);
}

TEST_F(PlainSocketTest, AWriterGoesOnWhenThereIsRoom) {
  Pair pair(loop_.io);
  const std::string chunk(100'000, 'x');
  std::size_t written = 0;
  while (const auto now = pair.socket->write_some_now(chunk)) written += now;
  EXPECT_FALSE(pair.socket->fault());
  bool called = false;
  pair.socket->when_writable([&] { called = true; });
  pair.peer.send("this is not what it waits for");
  loop_.until([&] { return pair.socket->has_something(); }, "the bytes are noticed");
  EXPECT_FALSE(called);
  EXPECT_EQ(pair.peer.got().size(), written);
  loop_.until([&] { return called; }, "there is room");
  EXPECT_GT(pair.socket->write_some_now(chunk), 0U);
}

TEST_F(PlainSocketTest, AWriterHearsThatThePeerIsGone) {
  Pair pair(loop_.io);
  const std::string chunk(100'000, 'x');
  while (pair.socket->write_some_now(chunk) > 0) {
  }
  bool called = false;
  pair.socket->when_writable([&] { called = true; });
  pair.peer.close();
  loop_.until([&] { return called; }, "the writer hears of it");
  EXPECT_EQ(pair.socket->write_some_now(chunk), 0U);
  EXPECT_TRUE(pair.socket->fault());
}

TEST_F(PlainSocketTest, ClosingCallsWhoWaitsLater) {
  Pair pair(loop_.io);
  bool called = false;
  pair.socket->when_readable([&] { called = true; });
  pair.socket->close();
  EXPECT_FALSE(called) << "never within";
  loop_.until([&] { return called; }, "the handler is called");
  EXPECT_EQ(pair.socket->fault(), boost::asio::error::operation_aborted);
  EXPECT_EQ(pair.read(), "");
  EXPECT_EQ(pair.socket->write_some_now("x"), 0U);
}

TEST_F(PlainSocketTest, OneThatWasNeverOpenSaysSo) {
  PlainSocket socket(loop_.io);
  bool called = false;
  socket.when_writable([&] { called = true; });
  loop_.until([&] { return called; }, "the handler is called");
  EXPECT_TRUE(socket.fault());
}

// Both are told of in one go: whichever comes first removes the other.
TEST_F(PlainSocketTest, AHandlerMayRemoveAnotherSocketThatIsToBeToldNext) {
  Pair one(loop_.io);
  Pair two(loop_.io);
  int calls = 0;
  one.socket->when_readable([&] { ++calls, two.socket.reset(); });
  two.socket->when_readable([&] { ++calls, one.socket.reset(); });
  one.peer.send("x");
  two.peer.send("x");
  loop_.until([&] { return calls > 0; }, "one is told");
  EXPECT_EQ(calls, 1);
  EXPECT_NE(one.socket == nullptr, two.socket == nullptr);
}

TEST_F(PlainSocketTest, AHandlerMayRemoveItsOwnSocket) {
  Pair pair(loop_.io);
  PlainSocket& socket = *pair.socket;
  bool called = false;
  socket.when_readable([&called, owned = std::move(pair.socket)]() mutable {
    owned.reset();
    called = true;
  });
  pair.peer.send("x");
  loop_.until([&] { return called; }, "the handler is called");
}

TEST_F(PlainSocketTest, ALoopEndsWhenNoSocketIsLeft) {
  Pair first(loop_.io);
  first.socket->close();
  Pair second(loop_.io);  // before the loop has heard that there was none
  second.peer.send("x");
  loop_.until([&] { return second.socket->has_something(); }, "the second one is told of");
  second.socket->close();
  loop_.io.restart();
  loop_.io.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(loop_.io.stopped());
}

TEST(PlainSocketOfALoop, WhatWaitsIsDroppedWithIt) {
  auto loop = std::make_unique<boost::asio::io_context>();
  Pair pair(*loop);
  const std::weak_ptr<PlainSocket> left = pair.socket;
  PlainSocket& socket = *pair.socket;
  bool called = false;
  socket.when_readable([&called, owned = std::move(pair.socket)] { called = true; });
  loop.reset();
  EXPECT_TRUE(left.expired());
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace elves::wire
