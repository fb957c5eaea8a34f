// Takes requests from the queue `scheduler` and acknowledges them when told to.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/mailbox.h"
#include "broker/link.h"
#include "dialect/limits.h"
#include "dispatch/ports.h"

namespace elves::broker {

// A thread and a connection of its own, so that a broker that blocks publishers stops neither deliveries nor
// acknowledgements. A connection whose channel died, whose consumer was cancelled or that no longer counts as
// a consumer of its queue is rebuilt.
class Consumer final : public Link, public DeliveryAcker {
 public:
  // Called on the consumer's thread with everything that was there at once.
  using OnSubmissions = std::function<void(std::vector<Submission>)>;

  // Called on the consumer's thread when its connection is gone, before anything comes from the next one.
  using OnLost = std::function<void()>;

  Consumer(const BrokerOptions& options, const dialect::Limits& limits, OnSubmissions on_submissions,
           OnLost on_lost, MetricsSink& metrics);
  // Closes the connection: what is not acknowledged goes back to the queue.
  ~Consumer() override;

  // Any thread.
  void acknowledge(DeliveryRef delivery) override { mailbox_.push(delivery); }
  // Any thread: no further deliveries; acknowledgements go on.
  void stop_consuming();

 private:
  void session(Connection& connection) override;
  void on_lost(const BrokerError&) override { on_lost_(); }
  void wake() override { mailbox_.push(DeliveryRef{}); }
  int wake_fd() const override { return mailbox_.fd(); }

  void subscribe(Connection& connection);
  void check_not_deaf(Connection& connection);
  void take_deliveries(Connection& connection);
  Submission decode(const amqp_envelope_t& envelope) const;
  void send_acknowledgements(Connection& connection);

  const dialect::Limits limits_;
  const OnSubmissions on_submissions_;
  const OnLost on_lost_;
  Mailbox<DeliveryRef> mailbox_;
  std::atomic<bool> cancelled_{false};
  std::uint32_t epoch_ = 0;
  std::uint64_t run_ = 0;               // all tags of this epoch up to here are acknowledged
  std::set<std::uint64_t> beyond_run_;  // and these
  std::chrono::steady_clock::time_point next_check_;
};

}  // namespace elves::broker
