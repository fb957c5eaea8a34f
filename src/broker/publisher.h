// Publishes answers and dead letters with confirms, and knows which the broker has taken.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "broker/link.h"
#include "broker/outgoing.h"
#include "dispatch/ports.h"

namespace elves::broker {

// A thread and a connection of its own. What is not confirmed when a connection ends is published again on
// the next one, in its order. Answers are mandatory: one that the broker returns because nobody listens there
// becomes a dead letter, unless it says otherwise (Answer::returned).
class AmqpPublisher final : public Link, public Publisher {
 public:
  // Called on the publisher's thread with the `done` callbacks of everything confirmed at once; they are to
  // be run on the loop thread.
  using OnConfirmed = std::function<void(std::vector<std::function<void()>>)>;

  AmqpPublisher(const BrokerOptions& options, OnConfirmed on_confirmed, MetricsSink& metrics);
  ~AmqpPublisher() override;

  // Any thread.
  void publish(Publication what, std::function<void()> done) override;

 private:
  struct Order {
    Publication what;
    std::function<void()> done;
  };
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

  void session(Connection& connection, bool peers) override;
  void on_lost(const BrokerError& why) override;
  void wake() override { mailbox_.push(Order{}); }
  int wake_fd() const override { return mailbox_.fd(); }

  void begin_again();
  void take_orders();
  void turn(Connection& connection, Millis most);
  void send_new(Connection& connection);
  void take_confirms(Connection& connection);
  void on_return(Connection& connection, const amqp_basic_return_t& returned);
  void on_ack(std::uint64_t tag, bool multiple);
  void on_nack(std::uint64_t tag, bool multiple);
  void release_confirmed();
  void release(Message message, std::vector<std::function<void()>>& done);
  void bury(Message message, const std::string& why);
  template <class Action>
  void for_tags(std::uint64_t tag, bool multiple, Action action);

  const OnConfirmed on_confirmed_;
  Mailbox<Order> mailbox_;
  std::deque<Message> unconfirmed_;  // in the order of their publishing
  std::uint64_t first_tag_ = 1;      // delivery tag of unconfirmed_.front() on this connection
  std::size_t sent_ = 0;             // how many of unconfirmed_ this connection has sent
  std::size_t suspects_ = 0;  // so many at the front go out one at a time: the last connection died with them
  bool peers_ = false;        // this connection has an exchange for notices
  bool blocked_ = false;      // the broker takes nothing now (memory or disk alarm)
};

}  // namespace elves::broker
