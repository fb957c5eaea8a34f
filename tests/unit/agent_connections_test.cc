#include <gtest/gtest.h>

#include "agent/connections.h"
#include "unit/dispatch_fakes.h"
#include "unit/wire_loop.h"

namespace elves::agent {
namespace {

using boost::asio::ip::tcp;
using wire::test::Loop;

// Its time is that of its making until it is told otherwise.
struct StandingClock final : Clock {
  SteadyTime now() const override { return time; }
  WallTime wall_now() const override { return {}; }
  SteadyTime time = std::chrono::steady_clock::now();
};

// A connection that was used and is kept.
class KeptConnection : public ::testing::Test {
 protected:
  KeptConnection() : listener_(loop_.io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
    to_.host = to_.name = "127.0.0.1";
    to_.port = listener_.local_endpoint().port();
    boost::asio::co_spawn(
        loop_.io, connections_.connect(to_, Loop::in(Seconds(10))),
        [this](const std::exception_ptr&, Connections::Connection made) { connections_.park(to_, *made); });
    loop_.until([this] { return !to_.idle.empty(); }, "the connection is made");
    agent_.emplace(::accept(listener_.native_handle(), nullptr, nullptr));
  }

  Loop loop_;
  StandingClock clock_;
  elves::testing::FakeMetrics metrics_;
  tcp::acceptor listener_;
  Peer to_;
  std::optional<wire::test::Peer> agent_;
  Connections connections_{
      loop_.io, loop_.timers, clock_, metrics_, {"agent", Event::agent_given_up, Event::agent_not_tried}, {}};
};

TEST_F(KeptConnection, IsGivenOutOnce) {
  EXPECT_TRUE(connections_.kept(to_, clock_.time));
  EXPECT_FALSE(connections_.kept(to_, clock_.time));
}

// As after a pause of the process: the loop has not come to hear of it.
TEST_F(KeptConnection, IsLookedAtWhenItHasRested) {
  agent_->close();
  EXPECT_FALSE(connections_.kept(to_, clock_.time + Millis(10)));
}

TEST_F(KeptConnection, IsNotLookedAtWhenItWasUsedJustNow) {
  agent_->close();
  EXPECT_TRUE(connections_.kept(to_, clock_.time + Millis(9)));
}

TEST_F(KeptConnection, IsNotGivenOutOnceTheLoopHasHeardOfItsEnd) {
  using As = wire::Channel::As;
  agent_->close();
  loop_.until([this] { return !to_.idle.back().channel->reusable(As::last_looked); }, "the loop hears of it");
  EXPECT_FALSE(connections_.kept(to_, clock_.time));
}

}  // namespace
}  // namespace elves::agent
