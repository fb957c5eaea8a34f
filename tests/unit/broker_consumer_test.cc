// The consumer against a broker that is played, on timers that the test drives.
#include <gtest/gtest.h>

#include <optional>

#include "broker/consumer.h"
#include "broker_player.h"
#include "wire_loop.h"

namespace elves::broker {
namespace {

class NoMetrics final : public MetricsSink {
 public:
  void count(Event) override {}
};

class Consuming : public testing::Test {
 protected:
  Consuming() {
    options_.nodes = {{"127.0.0.1", player_.port()}};
    Consumer::Handlers handlers{[this](Submission&) { ++requests_; }, [](const Notice&, DeliveryRef) {},
                                [] {}, [] {}};
    consumer_.emplace(loop_.io, timers_, options_, dialect::Limits{}, std::move(handlers), metrics_);
    consumer_->start();
    loop_.until([&] { return consumer_->connected(); }, "the consumer is connected");
  }
  ~Consuming() override {
    consumer_->stop();
    loop_.io.restart();
    loop_.io.run_for(Millis(800));
  }

  // Time passes until the broker is asked what it knows: nothing else is waited for here.
  void look() {
    const auto before = player_.questions_;
    timers_.run_due(*timers_.next());
    loop_.until([&] { return player_.questions_ > before; }, "the question");
  }

  // What the broker has said before, such as answers, has been heard by then.
  void take_a_request() {
    player_.deliver();
    loop_.until([&] { return requests_ == 1; }, "the request");
  }

  wire::test::Loop loop_;
  NoMetrics metrics_;
  test::Player player_{loop_.io};
  Timers timers_;
  BrokerOptions options_;
  int requests_ = 0;
  std::optional<Consumer> consumer_;
};

TEST_F(Consuming, ConnectsAnewWhenTheBrokerKnowsNothingOfItTwice) {
  player_.requests_.message_count = 5;
  look();
  look();
  loop_.until([&] { return player_.connections_ == 2; }, "another connection");
}

TEST_F(Consuming, StaysWhenTheBrokerKnowsOfItAgainOrHasNothing) {
  player_.requests_.message_count = 5;
  look();
  player_.requests_.consumer_count = 1;
  look();
  player_.requests_.consumer_count = 0;
  look();
  player_.requests_.message_count = 0;
  look();
  look();
  take_a_request();
  EXPECT_TRUE(consumer_->connected());
  EXPECT_EQ(player_.connections_, 1U);
}

}  // namespace
}  // namespace elves::broker
