// Publishes answers and dead letters with confirms, and knows which the broker has taken.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "broker/link.h"
#include "broker/outgoing.h"
#include "dispatch/ports.h"

namespace elves::broker {

// A connection of its own. What is not confirmed when a connection ends is published again on the next one,
// in its order. Answers are mandatory: one that the broker returns because nobody listens there becomes a
// dead letter, unless it says otherwise (Answer::returned). Loop thread only.
class AmqpPublisher final : public Link, public Publisher {
 public:
  AmqpPublisher(boost::asio::io_context& loop, const BrokerOptions& options, MetricsSink& metrics);

  // `done` is called later, never within.
  void publish(Publication&& what, std::function<void()> done) override;

 private:
  using Callbacks = std::vector<std::function<void()>>;

  // A message, encoded once, until it is confirmed.
  struct Message {
    Outgoing what;
    std::function<void()> done{};
    std::function<void()> on_returned{};  // instead, when nobody listens; none = a dead letter
    std::function<void()> on_unsure{};    // instead, when its connection broke; none = it is sent again
    bool confirmed = false;
    bool returned = false;
    int refusals = 0;  // connections that the broker closed while this alone was in flight
  };

  boost::asio::awaitable<void> session(Connection& connection, bool peers) override;
  void on_lost(const BrokerError& why) override;
  bool nothing_left_to_say() const override { return unconfirmed_.empty(); }

  void begin_again();
  void send_new(Connection& connection);
  void handle(const Incoming& incoming);
  void set_blocked(bool blocked);
  void on_return(const Incoming& incoming);
  void on_ack(std::uint64_t tag, bool multiple);
  void on_nack(std::uint64_t tag, bool multiple);
  void release_confirmed();
  void release(Message& message, Callbacks& done);
  void bury(Message message, const std::string& why, Callbacks& done);
  template <class Action>
  void for_tags(std::uint64_t tag, bool multiple, Action action);

  std::deque<Message> unconfirmed_;  // in the order of their publishing
  std::uint64_t first_tag_ = 1;      // delivery tag of unconfirmed_.front() on this connection
  std::size_t sent_ = 0;             // how many of unconfirmed_ this connection has sent
  std::size_t suspects_ = 0;  // so many at the front go out one at a time: the last connection died with them
  bool peers_ = false;        // this connection has an exchange for notices
  bool blocked_ = false;      // the broker takes nothing now (memory or disk alarm)
};

}  // namespace elves::broker
