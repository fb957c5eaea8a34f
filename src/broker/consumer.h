// Takes requests from the queue `scheduler` and acknowledges them when told to.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/timers.h"
#include "broker/link.h"
#include "broker/request_channels.h"
#include "dialect/limits.h"
#include "dispatch/ports.h"

namespace elves::broker {

// A connection of its own, so that a broker that blocks publishers stops neither deliveries nor
// acknowledgements. A connection whose channel died, whose consumer was cancelled or that no longer counts as
// a consumer of its queue is rebuilt. Loop thread only.
class Consumer final : public Link, public DeliveryAcker {
 public:
  struct Handlers {
    std::function<void(Submission&)> request;                // to be moved from
    std::function<void(const Notice&, DeliveryRef)> notice;  // what another scheduler tells this one
    std::function<void()> notices_read;  // what read_notices() asked for; also once for each connection
    std::function<void()> lost;          // the connection is gone; before anything comes from the next one
  };

  Consumer(boost::asio::io_context& loop, Timers& timers, const BrokerOptions& options,
           const dialect::Limits& limits, Handlers handlers, MetricsSink& metrics);

  // The broker is told within some milliseconds.
  void acknowledge(DeliveryRef delivery) override;
  // Asks for notices_read, once every notice that is there by now has been handed over.
  void read_notices();
  // No further requests are to come but what is on its way, which may take a second or two; acknowledgements
  // go on. `stopped`, called once: the broker has said that no more comes; or it does not answer, or there is
  // no connection.
  void stop_consuming(std::function<void()> stopped);

  // How many exchanges and queues are otherwise than they are made here.
  std::size_t misfits() const { return misfits_; }

 private:
  boost::asio::awaitable<void> session(Connection& connection, bool peers) override;
  void look_over(const Topology& topology) override;
  void on_lost(const BrokerError& why) override;
  bool nothing_left_to_say() const override { return true; }  // the connection's writer has it

  void begin_again(Connection& connection);
  void tell();
  void ask_no_more();
  void subscribe();
  void leave_when_quiet(SteadyTime latest);
  void tell_if_stopped();
  void look_for_notices();
  void check_not_deaf();
  void handle(const Incoming& incoming);
  void on_consuming(std::string_view tag);
  void on_state(const amqp_queue_declare_ok_t& queue);
  void compare_consumers(const amqp_queue_declare_ok_t& queue);
  void on_delivery(const Incoming& incoming);
  void take_notice(const Incoming& incoming, DeliveryRef delivery);
  Submission decode(const Incoming& incoming, DeliveryRef delivery) const;

  Timers& timers_;
  const dialect::Limits limits_;
  const Handlers handlers_;
  RequestChannels channels_;
  std::set<std::string> told_of_;  // what the log says about the topology
  std::size_t misfits_ = 0;
  std::uint64_t requests_ = 0;  // that have come
  bool cancelled_ = false;
  std::function<void()> stopped_;  // to be told
  bool ready_ = false;             // this connection can be asked
  std::uint32_t epoch_ = 0;
  bool has_inbox_ = false;
  std::string inbox_tag_;
  int deaf_looks_ = 0;       // in a row, at which the broker knew of too few consumers
  bool looking_ = false;     // the broker was asked what it still holds for this one
  bool asked_ = false;       // and notices_read was asked for since
  bool seen_empty_ = false;  // its answer was that it holds nothing
  SteadyTime peers_back_;    // until then other schedulers may have no connection
  Timer acknowledging_;
  Timer look_again_;
  Timer deaf_check_;
  Timer leaving_;
};

}  // namespace elves::broker
