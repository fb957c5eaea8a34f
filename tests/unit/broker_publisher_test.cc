// An AmqpPublisher against a broker that is played here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "broker/publisher.h"
#include "broker_player.h"
#include "wire_loop.h"

namespace elves::broker {
namespace {

class NoMetrics final : public MetricsSink {
 public:
  void count(Event) override {}
};

class Publishing : public testing::Test {
 protected:
  ~Publishing() override {
    publisher_->stop();
    loop_.io.restart();
    loop_.io.run_for(Millis(800));
  }

  void start() {
    options_.nodes = {{"127.0.0.1", player_.port()}};
    publisher_.emplace(loop_.io, options_, metrics_);
    publisher_->start();
  }
  // A reply to this queue; its number is in done_ once the broker has it.
  void reply(const std::string& to, std::string result = "result") {
    auto job = std::make_shared<Job>();
    const auto number = ++number_;
    job->log_id = LogId(number);
    job->reply = ReplyRoute{true, to, ""};
    Outcome outcome;
    outcome.worker = WorkerAnswer{1, 5, std::move(result)};
    publisher_->publish(Answer{Answer::Kind::reply, job, outcome},
                        [this, number] { done_.push_back(number); });
  }
  void until(const std::function<bool()>& done, const char* what) { loop_.until(done, what); }
  void until_published(std::size_t count) {
    until([&] { return player_.published_.size() >= count; }, "it to be published");
  }
  std::vector<std::string> places() const {
    std::vector<std::string> places;
    for (const auto& message : player_.published_) places.push_back(message.routing_key);
    return places;
  }

  wire::test::Loop loop_;
  NoMetrics metrics_;
  test::Player player_{loop_.io};
  BrokerOptions options_;
  std::optional<AmqpPublisher> publisher_;
  std::uint64_t number_ = 0;
  std::vector<std::uint64_t> done_;
};

TEST_F(Publishing, EachIsOverWhenItIsConfirmed) {
  start();
  for (const char* to : {"a", "b", "c", "d"}) reply(to);
  until_published(4);
  player_.ack(3);
  until([&] { return done_ == std::vector<std::uint64_t>{3}; }, "the third");
  player_.ack(2, true);
  until([&] { return done_ == std::vector<std::uint64_t>{3, 1, 2}; }, "the first two");
  EXPECT_FALSE(publisher_->counts().paused.destinations);
  player_.ack(4);
  until([&] { return done_.size() == 4; }, "the last");
}

TEST_F(Publishing, WhatIsRefusedWaitsAndOthersPass) {
  start();
  reply("full");
  reply("full");
  until_published(2);
  player_.nack(2);
  player_.nack(1);
  until([&] { return publisher_->counts().paused.messages == 2; }, "both to wait");
  reply("other");
  until([&] { return std::ranges::count(places(), "other") == 1; }, "the other");
  until([&] { return places().size() == 4; }, "another attempt");
  EXPECT_EQ(player_.published_[3].message_id, "0000000000000001");
}

// As RabbitMQ does to a quorum queue that has another leader since the channel was opened.
TEST_F(Publishing, AChannelOnWhichAllIsRefusedIsOpenedAnew) {
  player_.on_published_ = [this] {
    const auto tag = player_.published_.size();
    if (player_.channels_ == 1 && player_.published_.back().routing_key == "moved") return player_.nack(tag);
    player_.ack(tag);
  };
  start();
  reply("moved");
  reply("other");
  until([&] { return done_ == std::vector<std::uint64_t>{2}; }, "the other");
  until([&] { return done_.size() == 2; }, "the one that was refused");
  EXPECT_EQ(player_.connections_, 1U);
  EXPECT_EQ(player_.channels_, 2U);
}

TEST_F(Publishing, APlaceThatConfirmsNothingCostsANewConnection) {
  options_.silent = Millis(50);
  options_.renewal = Millis(100);
  player_.on_published_ = [this] {
    const bool well = player_.published_.back().routing_key == "well";
    if (well || player_.connections_ > 1) player_.ack(player_.published_.size());
  };
  start();
  reply("stuck");
  reply("well");
  until([&] { return done_.size() == 2; }, "both");
  EXPECT_EQ(done_, (std::vector<std::uint64_t>{2, 1}));
  EXPECT_GE(player_.connections_, 2U);
  EXPECT_EQ(player_.published_.back().message_id, "0000000000000001");
}

TEST_F(Publishing, ALimitIsLearntAndOnlyTheChannelIsOpenedAgain) {
  start();
  reply("a", std::string(5000, 'x'));
  reply("b");
  until_published(2);
  player_.close_channel(406,
                        "PRECONDITION_FAILED - message size 5600 is larger than configured max size 2000");
  until([&] { return player_.channels_ == 2 && player_.published_.size() == 2; }, "both again");
  EXPECT_EQ(player_.connections_, 1U);
  EXPECT_THAT(player_.published_[0].body, testing::SizeIs(testing::Le(2000U)));
  EXPECT_THAT(player_.published_[0].body,
              testing::HasSubstr("[cut: 5000 bytes were too many for the broker]"));
  reply("c", std::string(100'000, 'x'));
  until_published(3);
  EXPECT_THAT(player_.published_[2].body, testing::SizeIs(testing::Le(2000U)));
  player_.ack(3, true);
  until([&] { return done_.size() == 3; }, "all");
}

TEST_F(Publishing, WhatCannotBeMadeSmallEnoughIsADeadLetter) {
  start();
  reply("a", std::string(5000, 'x'));
  until_published(1);
  player_.close_channel(406,
                        "PRECONDITION_FAILED - message size 5600 is larger than configured max size 100");
  until([&] { return places() == std::vector<std::string>{"scheduler.dead"}; }, "a dead letter");
  EXPECT_THAT(player_.published_[0].body, testing::SizeIs(100));
  player_.ack(1);
  until([&] { return done_.size() == 1; }, "the end");
}

TEST_F(Publishing, WhatNoFrameCanHoldIsADeadLetterAtOnce) {
  start();
  reply(std::string(300, 'k'));
  reply("b");
  until_published(2);
  EXPECT_EQ(places(), (std::vector<std::string>{"b", "scheduler.dead"}));
  EXPECT_EQ(player_.connections_, 1U);
  player_.ack(2, true);
  until([&] { return done_.size() == 2; }, "both");
}

// The broker closes the connection whenever it gets a message for this place.
TEST_F(Publishing, AMessageThatCostsTheConnectionIsFoundAndOthersAreDelivered) {
  start();
  bool alive = true;
  player_.on_published_ = [&] {
    if (player_.published_.size() == 1) alive = true;
    if (!alive) return;
    if (player_.published_.back().routing_key == "deadly") {
      alive = false;
      return player_.close_connection(541, "INTERNAL_ERROR");
    }
    player_.ack(player_.published_.size());
  };
  for (const char* to : {"a", "deadly", "b", "c"}) reply(to);
  until([&] { return done_.size() == 4; }, "all to be over");
  EXPECT_THAT(places(), testing::Contains("scheduler.dead"));
}

}  // namespace
}  // namespace elves::broker
