// A Connection against a broker that is played.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/connection.h"
#include "broker_played.h"
#include "wire_loop.h"

namespace elves::broker {
namespace {

namespace asio = boost::asio;
using test::Broker;

class BrokerConnection : public testing::Test {
 protected:
  BrokerConnection() {
    options_.heartbeat = std::chrono::seconds(1);
    connection_ = std::make_shared<Connection>(loop_.io, options_, HostPort{"127.0.0.1", broker_.port()});
  }
  ~BrokerConnection() override { connection_->fail(BrokerError("the test is over")); }

  // What it fails with; "" when it ends well.
  std::string run(asio::awaitable<void> task) {
    std::string failure;
    bool ended = false;
    asio::co_spawn(loop_.io, std::move(task), [&](const std::exception_ptr& thrown) {
      ended = true;
      try {
        if (thrown) std::rethrow_exception(thrown);
      } catch (const BrokerError& error) {
        failure = error.what();
      }
    });
    loop_.until([&] { return ended; }, "the task ends");
    return failure;
  }

  asio::awaitable<void> serve() {
    while (!connection_->over()) {
      co_await connection_->fill();
      while (connection_->next()) continue;
    }
  }

  asio::awaitable<void> declare() {
    amqp_queue_declare_t declaration{};
    declaration.queue = amqp_cstring_bytes("scheduler");
    const std::string what = "declaring queue scheduler";
    co_await connection_->call(what, AMQP_QUEUE_DECLARE_METHOD, &declaration, AMQP_QUEUE_DECLARE_OK_METHOD);
  }

  wire::test::Loop loop_;
  Broker broker_{loop_.io};
  BrokerOptions options_;
  std::shared_ptr<Connection> connection_;
};

TEST_F(BrokerConnection, HeartbeatsAreKeptUpWhileThereIsNothingToSay) {
  ASSERT_EQ(run(connection_->open()), "");
  loop_.until([&] { return broker_.heartbeats_ >= 2; }, "two heartbeats");
}

TEST_F(BrokerConnection, ABrokerThatSaysNothingAnyMoreIsGivenUp) {
  ASSERT_EQ(run(connection_->open()), "");
  EXPECT_EQ(run(serve()), "the broker has fallen silent");
}

TEST_F(BrokerConnection, WhatIsSentInOneTurnGoesOutInOneWrite) {
  ASSERT_EQ(run(connection_->open()), "");
  const std::size_t before = broker_.reads_;
  int left = 100;
  connection_->set_writer([&] {
    for (; left > 0; --left) {
      amqp_basic_ack_t ack{1, 0};
      connection_->send(AMQP_BASIC_ACK_METHOD, &ack);
    }
  });
  connection_->wake();
  loop_.until([&] { return std::ranges::count(broker_.heard_, AMQP_BASIC_ACK_METHOD) == 100; },
              "all of them");
  EXPECT_EQ(broker_.reads_, before + 1);
}

TEST_F(BrokerConnection, AWriterThatHasMoreThanThereIsRoomForIsAskedAgain) {
  ASSERT_EQ(run(connection_->open()), "");
  const std::string body(100'000, 'x');
  int left = 400;  // more than the system's buffers hold
  connection_->set_writer([&] {
    for (; left > 0 && connection_->roomy(); --left) connection_->publish({}, {}, body);
  });
  connection_->wake();
  loop_.until([&] { return std::ranges::count(broker_.heard_, AMQP_BASIC_PUBLISH_METHOD) == 400; },
              "all of them");
}

TEST_F(BrokerConnection, ARefusalNamesWhatWasRefusedAndWhy) {
  ASSERT_EQ(run(connection_->open()), "");
  ASSERT_EQ(run(declare()), "");
  broker_.refuses_declarations_ = true;
  EXPECT_EQ(run(declare()),
            "declaring queue scheduler: 404 NOT_FOUND - no queue; it does not exist, or was deleted");
  EXPECT_EQ(run(connection_->reopen()), "");
}

TEST_F(BrokerConnection, WhatIsNoBrokerIsSaidToBeNone) {
  broker_.speaks_amqp_ = false;
  EXPECT_THAT(run(connection_->open()), testing::HasSubstr("is not AMQP 0-9-1"));
}

TEST_F(BrokerConnection, LastWordsComeBeforeTheFarewell) {
  ASSERT_EQ(run(connection_->open()), "");
  bool said = false;
  connection_->set_writer([&] {
    amqp_basic_ack_t ack{1, 0};
    if (!std::exchange(said, true)) connection_->send(AMQP_BASIC_ACK_METHOD, &ack);
  });
  connection_->goodbye();
  EXPECT_EQ(run(serve()), "");
  EXPECT_TRUE(connection_->over());
  ASSERT_GE(broker_.heard_.size(), 2U);
  EXPECT_EQ(broker_.heard_.back(), AMQP_CONNECTION_CLOSE_METHOD);
  EXPECT_EQ(*(broker_.heard_.end() - 2), AMQP_BASIC_ACK_METHOD);
}

TEST_F(BrokerConnection, AFarewellThatNobodyAnswersEndsToo) {
  broker_.answers_farewell_ = false;
  ASSERT_EQ(run(connection_->open()), "");
  connection_->goodbye();
  EXPECT_EQ(run(serve()), "the broker does not answer a farewell");
}

TEST_F(BrokerConnection, WhatDoesNotFitInAFrameEndsTheConnectionAsARefusalOfIt) {
  ASSERT_EQ(run(connection_->open()), "");
  const std::string text(200'000, 'x');
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes("key");
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes(text);
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_HEADERS_FLAG;
  properties.headers = {1, &entry};
  connection_->set_writer([&] { connection_->publish({}, properties, ""); });
  connection_->goodbye();
  EXPECT_EQ(run(serve()), "what is to be sent does not fit in a frame");
}

}  // namespace
}  // namespace elves::broker
