// A broker that is played, for what a real one does not do when asked.
#pragma once

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/frames.h"

namespace elves::broker::test {

namespace asio = boost::asio;
using asio::ip::tcp;

inline const std::string kHeartbeat("\x08\0\0\0\0\0\0\xCE", 8);

// Answers what a login and a channel need, and notes what else comes.
class Broker {
 public:
  explicit Broker(asio::io_context& loop)
      : acceptor_(loop, {asio::ip::address_v4::loopback(), 0}), socket_(loop) {
    accept();
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
  std::size_t logins_ = 0;
  amqp_queue_declare_ok_t state_{};  // of every queue that it is asked about

 private:
  // One connection at a time.
  void accept() {
    acceptor_.async_accept(socket_, [this](boost::system::error_code fault) {
      if (fault) return;
      decoder_.emplace();
      read();
    });
  }

  void read() {
    const auto space = decoder_->space();
    socket_.async_read_some(asio::buffer(space.data(), space.size()),
                            [this, space](boost::system::error_code fault, std::size_t count) {
                              gone_ = bool(fault);
                              if (!fault) return take({space.data(), count});
                              if (fault == asio::error::operation_aborted) return;
                              socket_.close();
                              accept();
                            });
  }

  void take(std::string_view bytes) {
    ++reads_;
    if (bytes.ends_with(kHeartbeat)) ++heartbeats_;
    if (bytes.starts_with("AMQP")) {
      start();
    } else {
      decoder_->commit(bytes.size());
      while (const auto incoming = decoder_->next()) answer(*incoming);
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
    amqp_exchange_declare_ok_t exchange{};
    amqp_queue_bind_ok_t bound{};
    amqp_channel_close_t refusal{404, amqp_cstring_bytes("NOT_FOUND - no queue"), 50, 10};
    amqp_connection_close_ok_t farewell{};
    switch (incoming.id) {
      case AMQP_CONNECTION_START_OK_METHOD:
        return say(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
      case AMQP_CONNECTION_OPEN_METHOD:
        ++logins_;
        return say(0, AMQP_CONNECTION_OPEN_OK_METHOD, &opened);
      case AMQP_CHANNEL_OPEN_METHOD:
        return say(incoming.channel, AMQP_CHANNEL_OPEN_OK_METHOD, &channel);
      case AMQP_EXCHANGE_DECLARE_METHOD:
        return say(1, AMQP_EXCHANGE_DECLARE_OK_METHOD, &exchange);
      case AMQP_QUEUE_BIND_METHOD:
        return say(1, AMQP_QUEUE_BIND_OK_METHOD, &bound);
      case AMQP_BASIC_CONSUME_METHOD:
        return confirm_consumer(incoming);
      case AMQP_QUEUE_DECLARE_METHOD:
        if (refuses_declarations_) return say(1, AMQP_CHANNEL_CLOSE_METHOD, &refusal);
        return describe_queue(incoming);
      case AMQP_CONNECTION_CLOSE_METHOD:
        if (answers_farewell_) say(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &farewell);
        return;
      default:
        return;
    }
  }

  void confirm_consumer(const Incoming& incoming) {
    amqp_basic_consume_ok_t ok{incoming.as<amqp_basic_consume_t>().consumer_tag};
    say(incoming.channel, AMQP_BASIC_CONSUME_OK_METHOD, &ok);
  }

  void describe_queue(const Incoming& incoming) {
    state_.queue = incoming.as<amqp_queue_declare_t>().queue;
    say(1, AMQP_QUEUE_DECLARE_OK_METHOD, &state_);
  }

  tcp::acceptor acceptor_;
  tcp::socket socket_;
  std::optional<Decoder> decoder_;
  Encoder encoder_;
};

}  // namespace elves::broker::test
