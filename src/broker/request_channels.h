// The channels of the consumer's connection that requests come on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "broker/connection.h"
#include "broker/options.h"
#include "broker/request_channel.h"
#include "dispatch/ports.h"

namespace elves::broker {

// RabbitMQ finds what is acknowledged by going through all that its channel has open, oldest first: behind
// thousands of jobs that take long, each short one would cost it more than all else. So a consumer may have
// few open, and before they are that many there is another on a channel of its own. One that is full is
// cancelled; what it has open stays there, and once nothing is left its channel serves again. Together they
// have the prefetch count. Only a full one is cancelled: a quorum queue gives back what is on its way to a
// cancelled consumer, as if it had been delivered. Loop thread only.
class RequestChannels {
 public:
  explicit RequestChannels(const BrokerOptions& options);

  // A new connection, with its first channel only. It must live until end().
  void begin(Connection& connection, std::uint32_t epoch);
  void end();
  // Before the end of a connection that was lost: the broker may not have liked what it was asked for.
  void lost(const BrokerError& why);

  // Requests are to come.
  void subscribe();
  // No more of them are to come: consumers are told of no acknowledgement, so that they fill up and are left.
  void fill_up();
  // Leaves those that are not full, too.
  void cancel();
  // Whether they may come: there are consumers, or such as the broker has not confirmed to be cancelled.
  bool consuming() const { return consumers_ + leaving_ > 0; }

  // How many consumers there are.
  std::size_t consumers() const { return consumers_; }
  // A consumer tag that nobody has had before: a broker may still remember an earlier connection's.
  std::string new_tag();

  // What has come on any channel, whoever it is for.
  DeliveryRef delivered(const Incoming& incoming);
  void handle(const Incoming& incoming);

  // The broker is to be told; ignored for a delivery of an earlier connection.
  void acknowledge(DeliveryRef delivery);
  // How many it is still to be told of.
  std::size_t untold() const { return untold_; }
  // Tells it. With a connection only.
  void tell();

 private:
  using Channels = std::map<std::uint16_t, RequestChannel>;

  std::uint16_t first() const;
  std::size_t channels_allowed() const;
  std::size_t share(std::size_t free) const;
  std::size_t free() const;
  void make_room();
  void open_or_reuse();
  void consume_on(Channels::value_type& entry);
  void leave(Channels::value_type& entry);

  const BrokerOptions& options_;
  Connection* connection_ = nullptr;
  std::uint32_t epoch_ = 0;
  Channels channels_;          // by their numbers
  std::size_t room_ = 0;       // of all consumers together
  std::size_t consumers_ = 0;  // that there are
  std::size_t leaving_ = 0;    // that were cancelled, without an answer yet
  const std::string tags_;     // begins that of each consumer
  std::uint64_t tags_given_ = 0;
  std::uint16_t opening_ = 0;  // a channel that the broker is asked for
  bool subscribed_ = false;
  bool filling_up_ = false;
  bool may_open_ = true;  // the broker has refused no channel
  std::size_t untold_ = 0;
};

}  // namespace elves::broker
