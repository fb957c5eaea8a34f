// Channel and Server over TLS, with each other and with peers that do not do as they should.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "unit/tls_certificates.h"
#include "unit/wire_loop.h"
#include "unit/wire_server_fixture.h"
#include "wire/channel.h"
#include "wire/codec.h"
#include "wire/greeting.h"
#include "wire/server.h"
#include "wire/service.h"

namespace elves::wire {
namespace {

using test::Loop;
using test::Peer;
using tls::PeerCheck;
using namespace std::string_literals;

class WireTlsTest : public testing::Test {
 protected:
  void start(tls::CredentialsPtr credentials, ServerLimits limits = {}) {
    server_.emplace(loop_.io, "127.0.0.1", 0, limits, door_, scheduler_service_handler(sink_),
                    std::move(credentials));
  }
  Result<void> connect(tls::CredentialsPtr credentials, Millis wait = Seconds(10)) {
    return loop_.run(channel_.connect("127.0.0.1", server_->port(), Loop::in(wait), std::move(credentials)));
  }
  Result<std::string> send(const std::string& id, std::size_t size = 3) {
    AgentResult one;
    one.id = id;
    one.param = std::string(size, 'p');
    auto reply = loop_.run(channel_.call(encode_data_transport(one), Loop::in(Seconds(10))));
    if (!reply) return reply.error();
    return decode_string_reply(*reply, "dataTransport");
  }
  std::string own() { return certificates_.issue("own", "IP:127.0.0.1"); }
  void expect_no_connection(const Result<void>& connected, const std::string& why) {
    ASSERT_FALSE(connected);
    EXPECT_EQ(connected.error(), (Error{ErrorCode::send_failed, "no TLS connection: " + why}));
    EXPECT_TRUE(channel_.knocked());
    EXPECT_FALSE(channel_.refused());
    loop_.until([&] { return server_->connections() == 0; }, "the server has let go of it");
  }

  tls::test::Certificates certificates_;
  Loop loop_;
  test::Sink sink_;
  Door door_{{"allow", "most", "most_per_address"}, {}};
  std::optional<Server> server_;
  Channel channel_{loop_.io, loop_.timers, {}};
};

TEST_F(WireTlsTest, SeveralCallsOfOneConnection) {
  start(certificates_.server(own()));
  ASSERT_TRUE(connect(certificates_.client()));
  for (const std::size_t size : {3, 16'384, 1'000'000}) {
    EXPECT_TRUE(channel_.reusable());
    const auto answer = send(std::to_string(size), size);
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(*answer, "success");
  }
  EXPECT_EQ(sink_.ids.size(), 3U);
  EXPECT_FALSE(loop_.timers.next()) << "no timer is left behind";
  server_.reset();
  loop_.until([&] { return !channel_.reusable(); }, "the channel sees the end");
}

TEST_F(WireTlsTest, AChannelMayBePlainAgain) {
  start(certificates_.server(own()));
  ASSERT_TRUE(connect(certificates_.client()));
  ASSERT_TRUE(send("secured"));
  start(nullptr);
  ASSERT_TRUE(connect(nullptr));
  ASSERT_TRUE(send("plain"));
  start(certificates_.server(own()));
  ASSERT_TRUE(connect(certificates_.client()));
  ASSERT_TRUE(send("secured again"));
}

TEST_F(WireTlsTest, ServersThatAreNotWhoTheyShouldBe) {
  start(certificates_.server(certificates_.issue("expired", "IP:127.0.0.1", -60)));
  expect_no_connection(connect(certificates_.client()),
                       "its certificate is refused: certificate has expired");
  start(certificates_.server(certificates_.issue("other", "IP:10.1.1.1")));
  expect_no_connection(connect(certificates_.client()),
                       "its certificate is refused: it is made for another name or address");
  tls::test::Certificates others;
  start(others.server(others.issue("foreign", "IP:127.0.0.1")));
  expect_no_connection(connect(certificates_.client()),
                       "its certificate is refused: it is of an unknown authority");
}

TEST_F(WireTlsTest, TheNameMayBeLeftUncheckedOrBeAnother) {
  start(certificates_.server(certificates_.issue("other", "DNS:gate.example")));
  const tls::Settings settings{.ca = certificates_.ca(), .cert = "", .key = ""};
  auto unchecked = settings;
  unchecked.check_name = false;
  EXPECT_TRUE(connect(std::make_shared<tls::Credentials>(unchecked)));
  auto named = settings;
  named.server_name = "gate.example";
  EXPECT_TRUE(connect(std::make_shared<tls::Credentials>(named)));
  named.server_name = "example";
  EXPECT_FALSE(connect(std::make_shared<tls::Credentials>(named)));
}

// With TLS 1.3 the client has begun to send when the server refuses its certificate: nothing was run, and
// that is known.
TEST_F(WireTlsTest, AServerThatRefusesTheClientGotNothing) {
  start(certificates_.server(own(), PeerCheck::required));
  Result<void> connected = connect(certificates_.client());
  const auto answer = connected ? send("unseen") : Result<std::string>(connected.error());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::send_failed);
  EXPECT_EQ(answer.error().detail.rfind("no TLS connection: it refuses this side", 0), 0U)
      << answer.error().detail;
  ASSERT_TRUE(connect(certificates_.client(certificates_.issue("client", ""))));
  EXPECT_TRUE(send("seen"));
  EXPECT_EQ(sink_.ids, std::vector<std::string>{"seen"});
}

TEST_F(WireTlsTest, PeersThatSpeakNoTlsAreClosedAndOthersServed) {
  start(certificates_.server(own()));
  for (const auto& bytes : {"\x80\x01\x00\x01"s + std::string(100, 'x'), "GET / HTTP/1.1\r\n\r\n"s,
                            "\x00\x00\x00\x20\x80\x01\x00\x01"s + std::string(100, 'x')}) {
    Peer peer = Peer::to(server_->port());
    peer.send(bytes);
    loop_.until([&] { return peer.closed_by_server(); }, "it is closed");
  }
  ASSERT_TRUE(connect(certificates_.client()));
  EXPECT_TRUE(send("good"));
}

TEST_F(WireTlsTest, AHandshakeHasItsTime) {
  ServerLimits limits;
  limits.handshake = Millis(50);
  start(certificates_.server(own()), limits);
  Peer silent = Peer::to(server_->port()), slow = Peer::to(server_->port());
  slow.send("\x16\x03\x01");
  loop_.until([&] { return silent.closed_by_server() && slow.closed_by_server(); }, "both are closed");
  loop_.until([&] { return server_->connections() == 0; }, "they are forgotten");
  // Once it is over, the time that counts is `idle`.
  ASSERT_TRUE(connect(certificates_.client()));
  const auto later = std::chrono::steady_clock::now() + Millis(100);
  loop_.until([&] { return std::chrono::steady_clock::now() > later; }, "the handshake's time has passed");
  EXPECT_TRUE(send("later"));
}

TEST_F(WireTlsTest, AConnectionThatIsNeverGreetedTimesOut) {
  start(nullptr);  // plain: waits for the rest of a frame
  boost::asio::ip::tcp::acceptor mute(loop_.io, {boost::asio::ip::address_v4::loopback(), 0});
  const auto result = loop_.run(channel_.connect("127.0.0.1", mute.local_endpoint().port(),
                                                 Loop::in(Millis(50)), certificates_.client()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::send_failed);
  EXPECT_EQ(result.error().detail.rfind("no answer within", 0), 0U) << result.error().detail;
}

TEST_F(WireTlsTest, StopEndsHandshakesAtOnce) {
  start(certificates_.server(own()));
  Peer half = Peer::to(server_->port());
  loop_.until([&] { return server_->connections() == 1; }, "it is taken");
  server_->stop();
  loop_.until([&] { return half.closed_by_server(); }, "it is closed");
  server_.reset();
  loop_.io.restart();
  loop_.io.run();  // ends: nothing is left pending
}

TEST_F(WireTlsTest, NewConnectionsUseWhatWasReadAgain) {
  const auto file = certificates_.issue("own", "IP:127.0.0.1", -60);
  const auto credentials = certificates_.server(file);
  start(credentials);
  EXPECT_FALSE(connect(certificates_.client()));
  certificates_.issue("own", "IP:127.0.0.1");
  credentials->reload();
  ASSERT_TRUE(connect(certificates_.client()));
  std::ofstream(file) << "nonsense";
  EXPECT_THROW(credentials->reload(), tls::Fault);
  EXPECT_TRUE(send("still open"));
  EXPECT_TRUE(connect(certificates_.client()));
}

TEST(WirePace, LetsSoManyBeginASecond) {
  Pace pace(100);
  SteadyTime now{Seconds(100)};
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(pace.begun(now));
  EXPECT_EQ(pace.begun(now), now + Millis(100));
  now += Millis(100);
  EXPECT_FALSE(pace.begun(now));
}

}  // namespace
}  // namespace elves::wire
