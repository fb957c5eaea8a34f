// Publishes answers and dead letters with confirms, and knows which the broker has taken.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/link.h"
#include "broker/outgoing.h"
#include "broker/paused_destinations.h"
#include "broker/pending.h"
#include "dispatch/ports.h"

namespace elves::broker {

// A connection of its own. Each message is over when it is confirmed, whatever came before it. What is not
// confirmed when a connection ends is published again on the next one, in its order. Answers are mandatory:
// one that the broker returns because nobody listens there becomes a dead letter, unless it says otherwise
// (Answer::returned). What the broker refuses is published again after growing pauses, and holds up only what
// goes to the same place; after BrokerOptions::refused, or refused_reply, it becomes a dead letter, and who
// waits for it hears an error. A place that confirms nothing for 30 s is told in the log and gets nothing
// more; after 120 s there is a new connection. A channel on which something is refused for long is opened
// anew: RabbitMQ refuses what goes to a quorum queue on a channel that knows its leader of before an
// election, for as long as that channel lives. A message that is too large for the broker is published in a
// shorter form. Loop thread only.
class AmqpPublisher final : public Link, public Publisher {
 public:
  struct Counts {
    PausedDestinations::Counts paused;
    Seconds oldest{0};          // age of the oldest message that is not confirmed
    std::size_t shortened = 0;  // messages that were too large for the broker
  };

  AmqpPublisher(boost::asio::io_context& loop, const BrokerOptions& options, MetricsSink& metrics);

  // `done` is called later, never within.
  void publish(Publication&& what, std::function<void()> done) override;

  Counts counts() const;

 private:
  using Callbacks = std::vector<std::function<void()>>;

  boost::asio::awaitable<void> session(Connection& connection, bool peers) override;
  // How it ended to serve a channel.
  enum class Ended : std::uint8_t { connection, channel, stale };
  boost::asio::awaitable<Ended> serve(Connection& connection);
  bool learn(const BrokerError& why);
  void on_lost(const BrokerError& why) override;
  bool nothing_left_to_say() const override { return unconfirmed_.empty(); }

  void add(Pending&& message);
  void undeliverable(PendingAt message, const std::string& why);
  void remove(PendingAt message);
  void acquit(Pending& message);
  void begin_again();

  // Sending
  void send_new(Connection& connection);
  bool may_send(const Connection& connection, SteadyTime now) const;
  std::optional<PendingAt> next_unsent(SteadyTime now);
  bool fits(PendingAt message);
  bool sent(Connection& connection, PendingAt message);

  // What the broker says
  void handle(const Incoming& incoming);
  void set_blocked(bool blocked);
  void on_return(const Incoming& incoming);
  void on_ack(std::uint64_t tag, bool multiple);
  void on_nack(std::uint64_t tag, bool multiple);
  template <class Action>
  void take(std::uint64_t tag, bool multiple, Action action);
  void release(PendingAt message);
  void bury(PendingAt message, const std::string& why);
  void call_done();

  // Time
  void watch();
  void look(SteadyTime now);
  void look_for_silence(SteadyTime now);

  PendingList unconfirmed_;
  PendingAt unsent_ = unconfirmed_.end();         // the first that this connection was not asked to send
  std::map<std::uint64_t, PendingAt> in_flight_;  // by delivery tag
  std::uint64_t next_tag_ = 1;
  std::uint64_t next_number_ = 0;
  PausedDestinations paused_;
  std::optional<std::size_t>
      largest_;  // the broker takes no larger message, as it has said on this connection
  std::size_t shortened_ = 0;
  std::size_t suspects_ = 0;  // messages with that flag
  SteadyTime last_sent_{};
  Millis verdict_;      // so long a suspect is alone in flight
  Millis renew_after_;  // so old a message may become before there is a new connection
  SteadyTime channel_since_{};
  Millis channel_good_for_;                   // so old a channel becomes before a refusal has it opened anew
  std::optional<SteadyTime> renewing_until_;  // nothing is sent, so that nothing is in flight on the old one
  Callbacks done_;                            // to be called when the state is whole again
  boost::asio::steady_timer watch_;
  Rarely returned_;       // lines about messages that nobody listens for
  Rarely cut_;            // and about those that were too large
  bool peers_ = false;    // this connection has an exchange for notices
  bool blocked_ = false;  // the broker takes nothing now (memory or disk alarm)
};

}  // namespace elves::broker
