#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <string>
#include <vector>

#include "unit/wire_loop.h"
#include "unit/wire_server_fixture.h"
#include "wire/channel.h"
#include "wire/codec.h"
#include "wire/server.h"
#include "wire/service.h"

namespace elves::wire {
namespace {

using test::Loop;
using test::Peer;
using test::ServerTest;
using namespace std::string_literals;

std::string framed(const std::string& message) {
  const auto n = message.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         message;
}

TEST_F(ServerTest, AnswersSeveralCallsOfAChannel) {
  start();
  Channel channel(loop_.io, loop_.timers, {});
  ASSERT_TRUE(loop_.run(channel.connect("127.0.0.1", server_->port(), Loop::in(Seconds(10)))));
  for (const auto& id : {"a"s, "b"s, "c"s}) {
    ASSERT_TRUE(channel.reusable());
    const auto reply = loop_.run(channel.call(result(id, 200'000), Loop::in(Seconds(10))));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(*decode_string_reply(*reply, "dataTransport"), "success");
  }
  EXPECT_EQ(sink_.ids, (std::vector<std::string>{"a", "b", "c"}));
  channel.close();
  expect_connections(0);
}

TEST_F(ServerTest, FramedAndUnframedPeersAreAnsweredInKind) {
  start();
  Peer bare = peer(), frames = peer();
  bare.send(result("bare"));
  frames.send(framed(result("framed")));
  expect_answer(bare, success_);
  expect_answer(frames, framed(success_));
  frames.send(framed(result("framed again")));
  expect_answer(frames, framed(success_) + framed(success_));
  EXPECT_EQ(sink_.ids.size(), 3U);
}

TEST_F(ServerTest, CallsThatCameTogetherAreAnsweredInTurn) {
  start();
  Peer one = peer();
  const auto bytes = result("1") + result("2") + result("3");
  one.send(bytes.substr(0, bytes.size() - 4));
  expect_answer(one, success_ + success_);
  one.send(bytes.substr(bytes.size() - 4));
  expect_answer(one, success_ + success_ + success_);
  EXPECT_EQ(sink_.ids, (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(ServerTest, ACallByteByByte) {
  start();
  Peer slow = peer();
  for (const char byte : result("slow")) {
    slow.send({&byte, 1});
    loop_.io.restart();
    loop_.io.poll();
  }
  expect_answer(slow, success_);
}

TEST_F(ServerTest, GarbageIsClosedAndOthersGoOn) {
  start();
  Peer good = peer(), random = peer(), huge_frame = peer(), huge_string = peer();
  random.send("\x80\x02random bytes");
  huge_frame.send("\x7f\xff\xff\xff"s);
  huge_string.send("\x80\x01\x00\x01\x7f\xff\xff\xff"s);
  expect_closed(random);
  expect_closed(huge_frame);
  expect_closed(huge_string);
  good.send(result("good"));
  expect_answer(good, success_);
  expect_connections(1);
}

TEST_F(ServerTest, AMessageOverTheLimitIsClosed) {
  const auto message = result("x", 5000);
  start({.message = {.max_bytes = message.size() - 1}});
  Peer bare = peer(), frames = peer(), fits = peer();
  bare.send(message);
  frames.send(framed(message).substr(0, 4));
  fits.send(result("x", 4999));
  expect_closed(bare);
  expect_closed(frames);
  expect_answer(fits, success_);
}

TEST_F(ServerTest, IdleAndSlowPeersAreClosedInTime) {
  start({.first = Millis(100), .idle = Millis(100)});
  const auto begin = std::chrono::steady_clock::now();
  Peer silent = peer(), slow = peer();
  // A byte now and then does not buy time: what counts is when the call began.
  const auto message = result("slow", 5'000'000);
  std::size_t sent = 0;
  loop_.until(
      [&] {
        slow.send(message.substr(sent++, 1));
        return slow.closed_by_server() && silent.closed_by_server();
      },
      "both are closed");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Millis(100));
  EXPECT_LT(sent, message.size());
  EXPECT_TRUE(sink_.ids.empty());
  expect_connections(0);
}

TEST_F(ServerTest, APeerThatDoesNotReadItsAnswerIsClosed) {
  server_.emplace(loop_.io, "127.0.0.1", 0, ServerLimits{.idle = Millis(50)}, door_,
                  [](const std::string&, const std::string&, const std::function<void(std::string)>& reply) {
                    std::string large;
                    large.resize(50'000'000, 'a');
                    reply(std::move(large));
                  });
  Peer one = peer();
  one.send(result("x"));
  expect_connections(1);
  expect_connections(0);
}

TEST_F(ServerTest, WorkingOnAnAnswerMayTakeLongerThanIdle) {
  start({.first = Millis(50), .idle = Millis(50)});
  sink_.hold = true;
  Peer one = peer(), idle = peer();
  one.send(result("held"));
  loop_.until([&] { return sink_.held.size() == 1; }, "the call arrives");
  expect_closed(idle);
  expect_connections(1);
  sink_.held[0](true);
  expect_answer(one, success_);
}

TEST_F(ServerTest, AnEmptyOrForgottenAnswerClosesTheConnection) {
  start();
  sink_.kept = false;
  Peer refused = peer();
  refused.send(result("refused"));
  expect_closed(refused);

  sink_.hold = true;
  Peer forgotten = peer();
  forgotten.send(result("forgotten"));
  loop_.until([&] { return sink_.held.size() == 1; }, "the call arrives");
  EXPECT_FALSE(forgotten.closed_by_server());
  sink_.held.clear();
  expect_closed(forgotten);
}

TEST_F(ServerTest, AHandlerThatThrowsClosesOnlyItsConnection) {
  int calls = 0;
  server_.emplace(loop_.io, "127.0.0.1", 0, ServerLimits{}, door_,
                  [&](const std::string& message, const std::string& from, const auto& reply) {
                    EXPECT_EQ(from, "127.0.0.1");
                    if (++calls == 1) throw std::runtime_error("thrown by the test");
                    reply(message);
                  });
  Peer first = peer(), second = peer();
  first.send(result("1"));
  expect_closed(first);
  second.send(result("2"));
  expect_answer(second, result("2"));
}

TEST_F(ServerTest, StopAnswersCallsInProgressOnly) {
  start();
  sink_.hold = true;
  Peer idle = peer(), busy = peer(), half = peer();
  busy.send(result("busy") + result("one more"));
  half.send(result("half").substr(0, 20));
  expect_connections(3);
  loop_.until([&] { return sink_.held.size() == 1; }, "the call arrives");
  const auto port = server_->port();
  server_->stop();
  expect_closed(idle);
  expect_closed(half);
  EXPECT_FALSE(busy.closed_by_server());
  Channel late(loop_.io, loop_.timers, {});
  EXPECT_FALSE(loop_.run(late.connect("127.0.0.1", port, Loop::in(Seconds(10)))));
  sink_.held[0](true);
  loop_.until([&] { return busy.closed_by_server(); }, "closed after its answer");
  EXPECT_EQ(busy.got(), success_);
  EXPECT_EQ(sink_.ids.size(), 1U) << "no further call is taken";
  loop_.io.restart();
  loop_.io.run();  // ends: nothing is left pending
}

TEST_F(ServerTest, AnAnswerAfterTheServerIsGoneIsIgnored) {
  start();
  sink_.hold = true;
  Peer one = peer();
  one.send(result("1"));
  loop_.until([&] { return sink_.held.size() == 1; }, "the call arrives");
  server_.reset();
  sink_.held[0](true);
  expect_closed(one);
  loop_.io.restart();
  loop_.io.run();
}

// No file descriptor left: the server waits without spinning, and goes on when there are some again.
TEST_F(ServerTest, OutlivesAShortageOfDescriptors) {
  start();
  const int client = Peer::unconnected();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(client);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ::close(next);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  loop_.io.restart();
  loop_.io.poll();
  Peer::connect(client, server_->port());
  Peer one(client);
  one.send(result("patient"));
  EXPECT_EQ(loop_.io.run_one_for(Seconds(10)), 1U) << "the failure to accept";
  EXPECT_EQ(loop_.io.poll(), 0U) << "and then nothing: it waits";
  EXPECT_EQ(server_->connections(), 0U);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  expect_answer(one, success_);
}

TEST_F(ServerTest, AnAddressThatIsTakenThrows) {
  start();
  EXPECT_THROW(Server(loop_.io, "127.0.0.1", server_->port(), {}, door_, {}), boost::system::system_error);
}

}  // namespace
}  // namespace elves::wire
