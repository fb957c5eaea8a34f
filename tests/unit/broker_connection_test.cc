// A Connection against a broker that is played here, for what a real one does not do when asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/connection.h"
#include "wire_loop.h"

namespace elves::broker {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

const std::string kHeartbeat("\x08\0\0\0\0\0\0\xCE", 8);

// Answers what a login and a channel need, and notes what else comes.
class Broker {
 public:
  explicit Broker(asio::io_context& loop)
      : acceptor_(loop, {asio::ip::address_v4::loopback(), 0}), socket_(loop) {
    acceptor_.async_accept(socket_, [this](boost::system::error_code fault) {
      if (!fault) read();
    });
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void say(std::uint16_t channel, amqp_method_number_t id, void* method) {
    std::string bytes;
    encoder_.method(bytes, channel, id, method);
    asio::write(socket_, asio::buffer(bytes));
  }
  void say(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }
  bool heard(amqp_method_number_t id) const { return std::ranges::count(heard_, id) > 0; }

  std::vector<amqp_method_number_t> heard_;
  std::size_t reads_ = 0;
  std::size_t heartbeats_ = 0;
  bool gone_ = false;
  bool refuses_declarations_ = false;
  bool speaks_amqp_ = true;
  bool answers_farewell_ = true;

 private:
  void read() {
    const auto space = decoder_.space();
    socket_.async_read_some(asio::buffer(space.data(), space.size()),
                            [this, space](boost::system::error_code fault, std::size_t count) {
                              gone_ = bool(fault);
                              if (!fault) take({space.data(), count});
                            });
  }

  void take(std::string_view bytes) {
    ++reads_;
    if (bytes.ends_with(kHeartbeat)) ++heartbeats_;
    if (bytes.starts_with("AMQP")) {
      start();
    } else {
      decoder_.commit(bytes.size());
      while (const auto incoming = decoder_.next()) answer(*incoming);
    }
    read();
  }

  void start() {
    if (!speaks_amqp_) return say("HTTP/1.1 400 Bad Request\r\n\r\n");
    amqp_connection_start_t start{0, 9, {}, amqp_cstring_bytes("PLAIN"), amqp_cstring_bytes("en_US")};
    say(0, AMQP_CONNECTION_START_METHOD, &start);
  }

  void answer(const Incoming& incoming) {
    heard_.push_back(incoming.id);
    amqp_connection_tune_t tune{2047, kFrameMax, 60};
    amqp_connection_open_ok_t opened{};
    amqp_channel_open_ok_t channel{};
    amqp_queue_declare_ok_t declared{};
    amqp_channel_close_t refusal{404, amqp_cstring_bytes("NOT_FOUND - no queue"), 50, 10};
    amqp_connection_close_ok_t farewell{};
    switch (incoming.id) {
      case AMQP_CONNECTION_START_OK_METHOD:
        return say(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
      case AMQP_CONNECTION_OPEN_METHOD:
        return say(0, AMQP_CONNECTION_OPEN_OK_METHOD, &opened);
      case AMQP_CHANNEL_OPEN_METHOD:
        return say(1, AMQP_CHANNEL_OPEN_OK_METHOD, &channel);
      case AMQP_QUEUE_DECLARE_METHOD:
        if (refuses_declarations_) return say(1, AMQP_CHANNEL_CLOSE_METHOD, &refusal);
        return say(1, AMQP_QUEUE_DECLARE_OK_METHOD, &declared);
      case AMQP_CONNECTION_CLOSE_METHOD:
        if (answers_farewell_) say(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &farewell);
        return;
      default:
        return;
    }
  }

  tcp::acceptor acceptor_;
  tcp::socket socket_;
  Decoder decoder_;
  Encoder encoder_;
};

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
