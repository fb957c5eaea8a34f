// When the broker is told that it need not deliver a request again.
#include <utility>

#include "dispatch/dispatcher.h"

namespace elves {
namespace {

// The looks at held deliveries within max_hold.
constexpr int kLooks = 8;

}  // namespace

void Dispatcher::acknowledge(OpenJob& open) {
  if (const auto delivery = std::exchange(open.delivery, std::nullopt))
    acknowledge(*delivery, open.job->fingerprint);
}

void Dispatcher::acknowledge(DeliveryRef delivery, std::uint64_t fingerprint) {
  ports_.acker.acknowledge(delivery);
  if (delivery.epoch > lost_epoch_) {
    acks_.add(fingerprint, ports_.clock.now());
  } else {
    acks_.doubt(fingerprint, ports_.clock.now());
  }
}

void Dispatcher::answer_now(Publication what, std::function<void()> confirmed) {
  ++unconfirmed_answers_;
  ports_.publisher.publish(std::move(what), [this, confirmed = std::move(confirmed)] {
    --unconfirmed_answers_;
    if (confirmed) confirmed();
  });
}

// The answer to a request that becomes no job; it is acknowledged when that is confirmed.
void Dispatcher::answer_request(Publication what, const Submission& request) {
  if (!request.delivery) return answer_now(std::move(what));
  const DeliveryRef delivery = *request.delivery;
  unanswered_.insert_or_assign(delivery, Unanswered{ports_.clock.now(), request.job.fingerprint});
  watch_held();
  answer_now(std::move(what), [this, delivery] {
    const auto answered = unanswered_.extract(delivery);
    if (answered) acknowledge(delivery, answered.mapped().fingerprint);
  });
}

void Dispatcher::watch_held() {
  if (held_check_.pending()) return;
  ports_.timers.set(held_check_, Deadline::after(ports_.clock, Millis(limits_.max_hold) / kLooks),
                    [this] { release_held(); });
}

// Brokers close a channel that leaves a delivery unacknowledged for too long, and then all are delivered
// again.
void Dispatcher::release_held() {
  const auto before = ports_.clock.now() - Millis(limits_.max_hold) * (kLooks - 1) / kLooks;
  bool held = false;
  for (const LogId id : table_.ids()) {
    OpenJob& open = *table_.find(id);
    held = held || open.delivery;
    if (open.delivery && open.received_at <= before) release(open);
  }
  std::erase_if(unanswered_, [&](const auto& one) {
    const bool over = one.second.received_at <= before;
    if (over) acknowledge(one.first, one.second.fingerprint);
    return over;
  });
  if (held || !unanswered_.empty()) watch_held();
}

// From now on the journal stands for the request; while it cannot, the delivery stays.
void Dispatcher::release(OpenJob& open) {
  open.acknowledged = true;
  record(open, [this, id = open.job->log_id](const Result<void>& kept) {
    OpenJob* job = table_.find(id);
    if (!job || !job->delivery) return;
    job->acknowledged = kept.has_value();
    if (kept) acknowledge(*job);
  });
}

}  // namespace elves
