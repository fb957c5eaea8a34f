// A broker played by a test, for what a real one does not do when asked: it knows one connection at a time,
// and what was published on each.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/frames.h"

namespace elves::broker::test {

class Player {
 public:
  struct Published {
    std::string routing_key;
    std::string message_id;
    std::string body;
  };

  explicit Player(boost::asio::io_context& loop)
      : acceptor_(loop, {boost::asio::ip::address_v4::loopback(), 0}) {
    accept();
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  // On the present channel, in order: the first has delivery tag 1.
  std::vector<Published> published_;
  std::size_t connections_ = 0;
  std::size_t channels_ = 0;  // opened by the present connection
  std::function<void()> on_published_ = [] {};
  amqp_queue_declare_ok_t requests_{};  // the state of the queue `scheduler`; all others are empty
  std::size_t questions_ = 0;           // about it

  // An empty message, on the channel that requests come on.
  void deliver() {
    using namespace std::string_literals;
    amqp_basic_deliver_t delivery{bytes("tag"), 1, 0, bytes("elves"), bytes("openapi.scheduler")};
    say(2, AMQP_BASIC_DELIVER_METHOD, &delivery);
    say("\2\0\2\0\0\0\x0E\0\x3C\0\0\0\0\0\0\0\0\0\0\0\0\xCE"s);
  }
  void ack(std::uint64_t tag, bool multiple = false) {
    amqp_basic_ack_t ack{tag, multiple};
    say(1, AMQP_BASIC_ACK_METHOD, &ack);
  }
  void nack(std::uint64_t tag) {
    amqp_basic_nack_t nack{tag, 0, 0};
    say(1, AMQP_BASIC_NACK_METHOD, &nack);
  }
  void close_channel(int code, const char* text) {
    amqp_channel_close_t close{static_cast<std::uint16_t>(code), amqp_cstring_bytes(text), 60, 40};
    say(1, AMQP_CHANNEL_CLOSE_METHOD, &close);
  }
  void close_connection(int code, const char* text) {
    amqp_connection_close_t close{static_cast<std::uint16_t>(code), amqp_cstring_bytes(text), 60, 40};
    say(0, AMQP_CONNECTION_CLOSE_METHOD, &close);
  }

 private:
  using tcp = boost::asio::ip::tcp;
  struct Session {
    explicit Session(tcp::socket given) : socket(std::move(given)) {}
    tcp::socket socket;
    Decoder decoder;
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code fault, tcp::socket socket) {
      if (fault) return;
      session_ = std::make_shared<Session>(std::move(socket));
      ++connections_;
      channels_ = 0;
      published_.clear();
      read(session_);
      accept();
    });
  }

  void read(const std::shared_ptr<Session>& session) {
    const auto space = session->decoder.space();
    session->socket.async_read_some(
        boost::asio::buffer(space.data(), space.size()),
        [this, session, space](boost::system::error_code fault, std::size_t count) {
          if (!fault) take(session, {space.data(), count});
        });
  }

  void take(const std::shared_ptr<Session>& session, std::string_view bytes) {
    if (bytes.starts_with("AMQP")) {
      amqp_connection_start_t start{0, 9, {}, amqp_cstring_bytes("PLAIN"), amqp_cstring_bytes("en_US")};
      say(0, AMQP_CONNECTION_START_METHOD, &start);
    } else {
      session->decoder.commit(bytes.size());
      while (const auto incoming = session->decoder.next()) answer(*incoming);
    }
    read(session);
  }

  void answer(const Incoming& incoming) {
    amqp_connection_tune_t tune{2047, kFrameMax, 60};
    amqp_connection_open_ok_t opened{};
    amqp_channel_open_ok_t channel{};
    amqp_exchange_declare_ok_t exchange{};
    amqp_queue_bind_ok_t bound{};
    amqp_confirm_select_ok_t confirming{};
    amqp_connection_close_ok_t farewell{};
    amqp_channel_close_ok_t closed{};
    switch (incoming.id) {
      case AMQP_CONNECTION_START_OK_METHOD:
        return say(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
      case AMQP_CONNECTION_OPEN_METHOD:
        return say(0, AMQP_CONNECTION_OPEN_OK_METHOD, &opened);
      case AMQP_CHANNEL_OPEN_METHOD:
        ++channels_;
        published_.clear();
        return say(incoming.channel, AMQP_CHANNEL_OPEN_OK_METHOD, &channel);
      case AMQP_CHANNEL_CLOSE_METHOD:
        return say(incoming.channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
      case AMQP_EXCHANGE_DECLARE_METHOD:
        return say(1, AMQP_EXCHANGE_DECLARE_OK_METHOD, &exchange);
      case AMQP_QUEUE_DECLARE_METHOD:
        return describe_queue(incoming);
      case AMQP_QUEUE_BIND_METHOD:
        return say(1, AMQP_QUEUE_BIND_OK_METHOD, &bound);
      case AMQP_CONFIRM_SELECT_METHOD:
        return say(1, AMQP_CONFIRM_SELECT_OK_METHOD, &confirming);
      case AMQP_CONNECTION_CLOSE_METHOD:
        return say(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &farewell);
      case AMQP_BASIC_PUBLISH_METHOD:
        return take_published(incoming);
      case AMQP_BASIC_CONSUME_METHOD:
        return confirm_consumer(incoming);
      default:
        return;
    }
  }

  void describe_queue(const Incoming& incoming) {
    const auto& declaration = incoming.as<amqp_queue_declare_t>();
    amqp_queue_declare_ok_t state{};
    if (view(declaration.queue) == "scheduler") {
      questions_ += declaration.passive;
      state = requests_;
    }
    state.queue = declaration.queue;
    say(1, AMQP_QUEUE_DECLARE_OK_METHOD, &state);
  }

  void confirm_consumer(const Incoming& incoming) {
    amqp_basic_consume_ok_t ok{incoming.as<amqp_basic_consume_t>().consumer_tag};
    say(incoming.channel, AMQP_BASIC_CONSUME_OK_METHOD, &ok);
  }

  void take_published(const Incoming& incoming) {
    const auto& sent = *incoming.properties;
    published_.push_back({std::string(view(incoming.as<amqp_basic_publish_t>().routing_key)),
                          std::string(property(sent, AMQP_BASIC_MESSAGE_ID_FLAG, sent.message_id)),
                          std::string(incoming.body)});
    on_published_();
  }

  void say(std::uint16_t channel, amqp_method_number_t id, void* method) {
    std::string frame;
    encoder_.method(frame, channel, id, method);
    say(frame);
  }

  void say(std::string_view frames) {
    boost::system::error_code gone;
    boost::asio::write(session_->socket, boost::asio::buffer(frames), gone);
  }

  tcp::acceptor acceptor_;
  std::shared_ptr<Session> session_;
  Encoder encoder_;
};

}  // namespace elves::broker::test
