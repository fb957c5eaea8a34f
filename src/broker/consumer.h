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
  // What another scheduler tells this one.
  struct Told {
    Notice notice;
    DeliveryRef delivery;
  };
  // All called on the consumer's thread.
  struct Handlers {
    std::function<void(std::vector<Submission>)> requests;  // everything that was there at once
    std::function<void(std::vector<Told>)> notices;         // likewise
    std::function<void()> notices_read;  // what read_notices() asked for; also once for each connection
    std::function<void()> lost;          // the connection is gone; before anything comes from the next one
  };

  Consumer(const BrokerOptions& options, const dialect::Limits& limits, Handlers handlers,
           MetricsSink& metrics);
  // Closes the connection: what is not acknowledged goes back to the queue.
  ~Consumer() override;

  // Any thread.
  void acknowledge(DeliveryRef delivery) override { mailbox_.push(delivery); }
  // Any thread: asks for notices_read, once every notice that is there by now has been handed over.
  void read_notices();
  // Any thread: no further requests; acknowledgements go on.
  void stop_consuming();

 private:
  void session(Connection& connection, bool peers) override;
  void on_lost(const BrokerError&) override { handlers_.lost(); }
  void wake() override { mailbox_.push(DeliveryRef{}); }
  int wake_fd() const override { return mailbox_.fd(); }

  struct Batch {
    std::vector<Submission> requests;
    std::vector<Told> notices;
  };

  void check_not_paused();
  Millis longest_wait() const;
  void subscribe(Connection& connection);
  void open_inbox(Connection& connection);
  void look_for_notices(Connection& connection);
  void check_not_deaf(Connection& connection);
  void take_deliveries(Connection& connection);
  bool take_batch(Connection& connection, Batch& batch);
  void take(const amqp_envelope_t& envelope, Batch& batch);
  void take_notice(const amqp_envelope_t& envelope, Batch& batch);
  void hand_over(Batch batch);
  Submission decode(const amqp_envelope_t& envelope) const;
  void send_acknowledgements(Connection& connection);

  const dialect::Limits limits_;
  const Handlers handlers_;
  Mailbox<DeliveryRef> mailbox_;
  std::atomic<bool> cancelled_{false};
  std::uint32_t epoch_ = 0;
  std::atomic<bool> asked_{false};  // for notices_read
  bool has_inbox_ = false;
  bool look_again_ = false;
  std::chrono::steady_clock::time_point peers_back_;  // until then other schedulers may have no connection
  std::size_t unread_ = 0;  // at most so many deliveries may come before all notices asked for are read
  std::uint64_t run_ = 0;   // all tags of this epoch up to here are acknowledged
  std::set<std::uint64_t> beyond_run_;  // and these
  std::chrono::steady_clock::time_point next_check_;
  std::chrono::steady_clock::time_point last_turn_;
};

}  // namespace elves::broker
