#include <gtest/gtest.h>

#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>

#include "unit/wire_loop.h"
#include "wire/channel.h"
#include "wire/codec.h"
#include "wire/server.h"

namespace elves::wire {
namespace {

using boost::asio::ip::tcp;
using test::Loop;
using test::Peer;

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() : acceptor_(loop_.io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {}

  unsigned short port() const { return acceptor_.local_endpoint().port(); }
  Result<void> connect(Millis wait = Seconds(10)) {
    return loop_.run(channel_.connect("127.0.0.1", port(), Loop::in(wait)));
  }
  Peer accept() { return Peer(::accept(acceptor_.native_handle(), nullptr, nullptr)); }

  // Calls, and has `agent` act on the connection once the whole call has come.
  Result<std::string> call(const std::string& message, const std::function<void(Peer&)>& agent,
                           Millis wait = Seconds(10)) {
    Peer peer = accept();
    std::optional<Result<std::string>> outcome;
    boost::asio::co_spawn(
        loop_.io, channel_.call(message, Loop::in(wait)),
        [&](const std::exception_ptr&, Result<std::string> result) { outcome = std::move(result); });
    loop_.until([&] { return outcome || peer.got().size() == message.size(); }, "the call arrives");
    EXPECT_EQ(peer.got(), message);
    agent(peer);
    loop_.until([&] { return outcome.has_value(); }, "the call ends");
    return outcome ? *outcome : Result<std::string>(Error{ErrorCode::internal, "it never ended"});
  }

  // Begins a call that no socket takes at once.
  void call_large() {
    channel_.call(large_, Loop::in(Seconds(10)),
                  [&](Result<std::string> reply) { outcome_ = std::move(reply); });
    EXPECT_FALSE(outcome_) << "never within";
  }

  Loop loop_;
  tcp::acceptor acceptor_;
  const std::string large_ = std::string(4'000'000, 'x');
  std::optional<Result<std::string>> outcome_;
  Channel channel_{loop_.io, loop_.timers, {.max_bytes = 100'000}};
  const std::string message_ = encode_alive_check();
};

TEST_F(ChannelTest, ACallIsAnsweredAndTheChannelReusable) {
  ASSERT_TRUE(connect());
  EXPECT_TRUE(channel_.reusable());
  AgentResult large;
  large.param = std::string(90'000, 'p');
  const auto answer = encode_data_transport(large);
  const auto reply = call(message_, [&](Peer& peer) { EXPECT_EQ(peer.send(answer), answer.size()); });
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(*reply, answer);
  EXPECT_FALSE(loop_.timers.next()) << "no timer is left behind";
}

TEST_F(ChannelTest, WhoeverIsAnsweredMayOwnTheChannel) {
  auto channel = std::make_shared<Channel>(loop_.io, loop_.timers, MessageScanner::Limits{});
  const std::weak_ptr<Channel> left = channel;
  ASSERT_TRUE(loop_.run(channel->connect("127.0.0.1", port(), Loop::in(Seconds(10)))));
  Peer peer = accept();
  std::optional<Result<std::string>> outcome;
  Channel& called = *channel;
  called.call(message_, Loop::in(Seconds(10)),
              [&outcome, owned = std::move(channel)](Result<std::string> reply) mutable {
                owned.reset();
                outcome = std::move(reply);
              });
  EXPECT_FALSE(left.expired());
  peer.send(message_);
  loop_.until([&] { return outcome.has_value(); }, "the call ends");
  EXPECT_EQ(outcome->value(), message_);
  EXPECT_TRUE(left.expired());
}

TEST_F(ChannelTest, ALargeCallIsAnsweredThroughACallback) {
  ASSERT_TRUE(connect());
  Peer peer = accept();
  call_large();
  loop_.until([&] { return peer.got().size() == large_.size(); }, "the call arrives");
  EXPECT_FALSE(outcome_);
  peer.send(message_.substr(0, 3));
  loop_.io.poll();
  peer.send(message_.substr(3));
  loop_.until([&] { return outcome_.has_value(); }, "the call ends");
  EXPECT_EQ(outcome_->value(), message_);
}

TEST_F(ChannelTest, NothingListening) {
  acceptor_.close();
  const auto closed_port = [&] {
    tcp::acceptor other(loop_.io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    return other.local_endpoint().port();
  }();
  const auto result = loop_.run(channel_.connect("127.0.0.1", closed_port, Loop::in(Seconds(10))));
  EXPECT_EQ(result.error(), (Error{ErrorCode::send_failed, "connection refused"}));
}

TEST_F(ChannelTest, AHostThatIsNoAddress) {
  const auto result = loop_.run(channel_.connect("localhost", 1, Loop::in(Seconds(10))));
  EXPECT_EQ(result.error(), (Error{ErrorCode::send_failed, "not an IP address: localhost"}));
}

TEST_F(ChannelTest, NobodyAcceptsTheConnection) {
  // A full backlog drops further connections silently, as a dead host does.
  tcp::acceptor full(loop_.io);
  full.open(tcp::v4());
  full.bind(tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  full.listen(0);
  const auto to = full.local_endpoint().port();
  Channel first(loop_.io, loop_.timers, {});
  ASSERT_TRUE(loop_.run(first.connect("127.0.0.1", to, Loop::in(Seconds(10)))));
  const auto result = loop_.run(channel_.connect("127.0.0.1", to, Loop::in(Millis(40))));
  EXPECT_EQ(result.error().code, ErrorCode::send_failed);
  EXPECT_NE(result.error().detail.find("no answer within"), std::string::npos) << result.error().detail;
}

TEST_F(ChannelTest, ASilentPeer) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [](Peer&) {}, Millis(40));
  EXPECT_EQ(reply.error().code, ErrorCode::job_timeout);
  EXPECT_FALSE(channel_.reusable());
}

TEST_F(ChannelTest, HalfAnAnswerThenSilence) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [&](Peer& peer) { peer.send(message_.substr(0, 9)); }, Millis(40));
  EXPECT_EQ(reply.error().code, ErrorCode::job_timeout);
}

TEST_F(ChannelTest, HalfAnAnswerThenClosed) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [&](Peer& peer) {
    peer.send(message_.substr(0, 9));
    peer.close();
  });
  EXPECT_EQ(reply.error(), (Error{ErrorCode::outcome_unknown, "connection closed by the peer"}));
}

TEST_F(ChannelTest, ClosedWithoutAnAnswer) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [](Peer& peer) { peer.close(); });
  EXPECT_EQ(reply.error().code, ErrorCode::outcome_unknown);
}

TEST_F(ChannelTest, APeerThatHangsUpWithoutAWordIsToldFromOthers) {
  ASSERT_TRUE(connect());
  call(message_, [](Peer& peer) { peer.close(); });
  EXPECT_TRUE(channel_.hung_up());
  ASSERT_TRUE(connect());
  EXPECT_FALSE(channel_.hung_up());
  call(message_, [&](Peer& peer) {
    peer.send(message_.substr(0, 9));
    peer.close();
  });
  EXPECT_FALSE(channel_.hung_up()) << "half an answer is a word";
  ASSERT_TRUE(connect());
  call(message_, [](Peer&) {}, Millis(20));
  EXPECT_FALSE(channel_.hung_up()) << "silence is another matter";
}

TEST_F(ChannelTest, OneThatHasAnsweredBeforeHasSpoken) {
  ASSERT_TRUE(connect());
  Peer peer = accept();
  for (int i = 0; i < 2; ++i) {
    outcome_.reset();
    channel_.call(message_, Loop::in(Seconds(10)),
                  [&](Result<std::string> reply) { outcome_ = std::move(reply); });
    loop_.until([&] { return peer.got().size() == (i + 1U) * message_.size(); }, "the call");
    i == 0 ? void(peer.send(message_)) : peer.close();
    loop_.until([&] { return outcome_.has_value(); }, "its end");
  }
  EXPECT_FALSE(*outcome_);
  EXPECT_FALSE(channel_.hung_up());
}

TEST_F(ChannelTest, OnlySilenceIsUnanswered) {
  EXPECT_FALSE(loop_.run(channel_.connect("127.0.0.1", 1, Loop::in(Seconds(10)))));
  EXPECT_TRUE(channel_.refused());
  EXPECT_FALSE(channel_.unanswered());
  tcp::acceptor full(loop_.io);
  full.open(tcp::v4());
  full.bind(tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  full.listen(0);
  const auto to = full.local_endpoint().port();
  Channel first(loop_.io, loop_.timers, {});
  ASSERT_TRUE(loop_.run(first.connect("127.0.0.1", to, Loop::in(Seconds(10)))));
  EXPECT_FALSE(loop_.run(channel_.connect("127.0.0.1", to, Loop::in(Millis(40)))));
  EXPECT_TRUE(channel_.unanswered());
}

TEST_F(ChannelTest, ClosedByOurselves) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [&](Peer&) { channel_.close(); });
  EXPECT_EQ(reply.error(), (Error{ErrorCode::outcome_unknown, "connection closed"}));
}

TEST_F(ChannelTest, AnAnswerThatIsGarbage) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\n"); });
  EXPECT_EQ(reply.error().code, ErrorCode::agent_answer_illegal);
  EXPECT_FALSE(channel_.reusable());
}

TEST_F(ChannelTest, AnAnswerTooLarge) {
  ASSERT_TRUE(connect());
  AgentResult large;
  large.param = std::string(100'001, 'p');
  const auto start = encode_data_transport(large).substr(0, 1000);
  const auto reply = call(message_, [&](Peer& peer) { peer.send(start); });
  EXPECT_EQ(reply.error(), (Error{ErrorCode::agent_answer_illegal, "larger than the limit"}));
}

TEST_F(ChannelTest, BytesAfterTheAnswerMakeItUnusable) {
  ASSERT_TRUE(connect());
  const auto reply = call(message_, [&](Peer& peer) { peer.send(message_ + "x"); });
  EXPECT_TRUE(reply);
  EXPECT_FALSE(channel_.reusable());
}

TEST_F(ChannelTest, ReusableSeesAClosedOrTalkingPeer) {
  EXPECT_FALSE(channel_.reusable()) << "not connected";
  ASSERT_TRUE(connect());
  Peer peer = accept();
  EXPECT_TRUE(channel_.reusable());
  peer.send("x");
  loop_.until([&] { return !channel_.reusable(); }, "unasked bytes are seen");

  ASSERT_TRUE(connect());
  accept().close();
  loop_.until([&] { return !channel_.reusable(); }, "the close is seen");
}

TEST_F(ChannelTest, WhatTheLoopHasNotSeenYetIsSeenByALook) {
  ASSERT_TRUE(connect());
  Peer peer = accept();
  EXPECT_TRUE(channel_.reusable(Channel::As::last_looked));
  peer.close();
  EXPECT_TRUE(channel_.reusable(Channel::As::last_looked));
  EXPECT_FALSE(channel_.reusable(Channel::As::now));
  loop_.until([&] { return !channel_.reusable(Channel::As::last_looked); }, "the loop has seen it");
}

TEST_F(ChannelTest, AnAnswerBeforeTheCallIsWholeIsTaken) {
  ASSERT_TRUE(connect());
  Peer peer = accept();
  call_large();
  peer.send(message_);
  loop_.until([&] { return peer.got().size() == large_.size(); }, "the call arrives");
  loop_.until([&] { return outcome_.has_value(); }, "the call ends");
  EXPECT_EQ(outcome_->value(), message_);
}

TEST_F(ChannelTest, ThePeerGoesAwayWithinALargeCall) {
  ASSERT_TRUE(connect());
  Peer peer = accept();
  call_large();
  peer.close();
  loop_.until([&] { return outcome_.has_value(); }, "the call ends");
  EXPECT_EQ(outcome_->error().code, ErrorCode::outcome_unknown);
}

TEST_F(ChannelTest, ACallOnAClosedChannelSendsNothing) {
  ASSERT_TRUE(connect());
  channel_.close();
  const auto reply = loop_.run(channel_.call(message_, Loop::in(Seconds(10))));
  EXPECT_EQ(reply.error().code, ErrorCode::send_failed);
}

TEST_F(ChannelTest, ConnectsAnew) {
  ASSERT_TRUE(connect());
  Peer first = accept();
  ASSERT_TRUE(connect());
  EXPECT_TRUE(channel_.reusable());
  loop_.until([&] { return first.closed_by_server(); }, "the first connection is closed");
}

}  // namespace
}  // namespace elves::wire
