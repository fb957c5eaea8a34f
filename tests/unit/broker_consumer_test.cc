// The consumer against a broker that is played, on timers that the test drives.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "broker/consumer.h"
#include "broker_played.h"
#include "wire_loop.h"

namespace elves::broker {
namespace {

class NoMetrics final : public MetricsSink {
 public:
  void count(Event) override {}
};

class BrokerConsumer : public testing::Test {
 protected:
  BrokerConsumer() {
    options_.nodes = {{"127.0.0.1", broker_.port()}};
    consumer_.emplace(loop_.io, timers_, options_, dialect::Limits{},
                      Consumer::Handlers{[this](Submission&) { ++requests_; },
                                         [](const Notice&, DeliveryRef) {}, [] {}, [] {}},
                      metrics_);
    consumer_->start();
    loop_.until([&] { return consumer_->connected(); }, "the consumer is connected");
  }
  ~BrokerConsumer() override {
    consumer_->stop();
    loop_.until([&] { return broker_.gone_; }, "the consumer has left");
  }

  // The broker is asked what it knows, and has answered.
  void look() {
    const auto heard = [this] { return std::ranges::count(broker_.heard_, AMQP_QUEUE_DECLARE_METHOD); };
    const auto before = heard();
    now_ += std::chrono::seconds(16);
    timers_.run_due(now_);
    loop_.until([&] { return heard() > before; }, "the question");
  }

  // What comes in order, such as answers before it, has been taken by then.
  void take_a_request() {
    using namespace std::string_literals;
    amqp_basic_deliver_t delivery{bytes("tag"), 1, 0, bytes("elves"), bytes("openapi.scheduler")};
    broker_.say(kChannel + 1, AMQP_BASIC_DELIVER_METHOD, &delivery);
    broker_.say("\2\0\2\0\0\0\x0E\0\x3C\0\0\0\0\0\0\0\0\0\0\0\0\xCE"s);
    loop_.until([&] { return requests_ == 1; }, "the request");
  }

  wire::test::Loop loop_;
  test::Broker broker_{loop_.io};
  Timers timers_;
  SteadyTime now_ = std::chrono::steady_clock::now();
  BrokerOptions options_;
  int requests_ = 0;
  NoMetrics metrics_;
  std::optional<Consumer> consumer_;
};

TEST_F(BrokerConsumer, ConnectsAnewWhenTheBrokerKnowsNothingOfItTwice) {
  broker_.state_.message_count = 5;
  look();
  look();
  loop_.until([&] { return broker_.logins_ == 2; }, "another connection");
}

TEST_F(BrokerConsumer, StaysWhenTheBrokerKnowsOfItAgainOrHasNothing) {
  broker_.state_.message_count = 5;
  look();
  broker_.state_.consumer_count = 1;
  look();
  broker_.state_.consumer_count = 0;
  look();
  broker_.state_.message_count = 0;
  look();
  look();
  take_a_request();
  EXPECT_TRUE(consumer_->connected());
  EXPECT_EQ(broker_.logins_, 1U);
}

}  // namespace
}  // namespace elves::broker
