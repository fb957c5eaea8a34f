#include "broker/consumer.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/notice.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kDeafCheck{15};
constexpr std::uint16_t kInboxPrefetch = 1000;
constexpr Millis kLookAgain{100};
constexpr Millis kAcknowledgeWithin{5};
constexpr std::size_t kAcknowledgedAtOnce = 64;  // that part of the prefetch count does not wait
constexpr Millis kPeersReturn{2000};             // beyond the longest pause of a peer's publisher
const std::string kRequestTag = "elves-scheduler";
const std::string kInboxTag = "elves-scheduler-inbox";

SteadyTime now() { return std::chrono::steady_clock::now(); }

// The same in every scheduler: agents and journals compare it.
std::uint64_t fingerprint(std::string_view body, const dialect::MessageProperties& properties) {
  std::uint64_t sum = 0;
  for (const auto part : {body, properties.routing_key, properties.reply_to, properties.correlation_id,
                          properties.message_id}) {
    sum = XXH3_64bits_withSeed(part.data(), part.size(), sum);
  }
  return sum == 0 ? 1 : sum;
}

}  // namespace

Consumer::Consumer(asio::io_context& loop, Timers& timers, const BrokerOptions& options,
                   const dialect::Limits& limits, Handlers handlers, MetricsSink& metrics)
    : Link("consumer", loop, options, metrics),
      timers_(timers),
      limits_(limits),
      handlers_(std::move(handlers)) {}

// In no hurry, unless the broker holds back requests for want of them: what waits a little goes in one.
void Consumer::acknowledge(DeliveryRef delivery) {
  to_acknowledge_.push_back(delivery);
  if (to_acknowledge_.size() > options().prefetch / kAcknowledgedAtOnce) return wake();
  if (acknowledging_.pending()) return;
  timers_.set(acknowledging_, Deadline(now() + kAcknowledgeWithin), [this] { wake(); });
}

void Consumer::stop_consuming() {
  cancelled_ = true;
  if (!std::exchange(subscribed_, false)) return;
  deaf_check_.cancel();
  amqp_basic_cancel_t cancel{bytes(kRequestTag), 0};
  connection()->send(AMQP_BASIC_CANCEL_METHOD, &cancel);
}

asio::awaitable<void> Consumer::session(Connection& connection, bool peers) {
  begin_again(connection, peers);
  if (peers) {
    co_await declare_inbox(connection, options());
    // Other schedulers are heard even while no requests are taken any more.
    consume(inbox_queue(options()), kInboxTag, kInboxPrefetch);
  }
  connection.set_writer([this] { send_acknowledgements(); });
  ready_ = true;
  look_for_notices();
  if (cancelled_) {
    announce_connected();
  } else {
    subscribe();
  }
  announce_useful();
  while (!connection.over()) {
    co_await connection.fill();
    while (const auto incoming = connection.next()) handle(*incoming);
  }
  ask_no_more();
}

void Consumer::begin_again(Connection& connection, bool peers) {
  connection.end_after_pause();
  ++epoch_;
  run_ = 0;
  beyond_run_.clear();
  has_inbox_ = peers;
  looking_ = asked_ = subscribed_ = ready_ = false;
  peers_back_ = now();
  if (troubled()) peers_back_ += kLongestPause + kPeersReturn;
}

void Consumer::on_lost(const BrokerError&) {
  ask_no_more();
  handlers_.lost();
}

void Consumer::ask_no_more() {
  subscribed_ = ready_ = false;
  look_again_.cancel();
  deaf_check_.cancel();
}

void Consumer::subscribe() {
  consume(kRequestQueue, kRequestTag, options().prefetch);
  subscribed_ = true;
  check_not_deaf();
}

// The answers come among the deliveries; a refusal ends the connection.
void Consumer::consume(const std::string& queue, const std::string& tag, std::uint16_t prefetch) {
  amqp_basic_qos_t qos{0, prefetch, 0};
  connection()->send(AMQP_BASIC_QOS_METHOD, &qos);
  amqp_basic_consume_t subscription{};
  subscription.queue = bytes(queue);
  subscription.consumer_tag = bytes(tag);
  connection()->send(AMQP_BASIC_CONSUME_METHOD, &subscription);
}

void Consumer::read_notices() {
  asked_ = true;
  if (ready_) look_for_notices();
}

void Consumer::look_for_notices() {
  if (looking_) return;
  asked_ = seen_empty_ = false;
  look_again_.cancel();
  if (!has_inbox_) return handlers_.notices_read();
  looking_ = true;
  look_at(*connection(), inbox_queue(options()));
}

void Consumer::check_not_deaf() {
  timers_.set(deaf_check_, Deadline(now() + kDeafCheck), [this] {
    look_at(*connection(), kRequestQueue);
    check_not_deaf();
  });
}

void Consumer::handle(const Incoming& incoming) {
  switch (incoming.id) {
    case AMQP_BASIC_DELIVER_METHOD:
      return on_delivery(incoming);
    case AMQP_BASIC_CONSUME_OK_METHOD:
      return on_consuming(view(incoming.as<amqp_basic_consume_ok_t>().consumer_tag));
    case AMQP_QUEUE_DECLARE_OK_METHOD:
      return on_state(incoming.as<amqp_queue_declare_ok_t>());
    default:
      return;
  }
}

void Consumer::on_consuming(std::string_view tag) {
  if (tag == kRequestTag) announce_connected();
}

// What the broker still holds, or sent on a connection that it does not know to be broken (then there is
// another consumer), needs another look. After an outage the other schedulers get the time to come back, too,
// and tell what they have settled meanwhile. RabbitMQ's answer may overtake deliveries that it no longer
// counts as held, but not those of before the question: so it is asked twice.
void Consumer::on_state(const amqp_queue_declare_ok_t& queue) {
  if (view(queue.queue) == kRequestQueue) {
    if (queue.consumer_count > 0 || cancelled_) return;
    throw BrokerError("queue scheduler has no consumer although this is one");
  }
  looking_ = false;
  if (now() < peers_back_ || queue.message_count > 0 || queue.consumer_count > 1) {
    timers_.set(look_again_, Deadline(now() + kLookAgain), [this] { look_for_notices(); });
  } else if (asked_) {
    look_for_notices();
  } else if (!std::exchange(seen_empty_, true)) {
    looking_ = true;
    look_at(*connection(), inbox_queue(options()));
  } else {
    handlers_.notices_read();
  }
}

void Consumer::on_delivery(const Incoming& incoming) {
  if (stopping()) return;  // it goes back to the queue
  const auto& sent = incoming.as<amqp_basic_deliver_t>();
  const DeliveryRef delivery{sent.delivery_tag, epoch_};
  if (view(sent.consumer_tag) == kInboxTag) return take_notice(incoming, delivery);
  Submission submission = decode(incoming, delivery);
  handlers_.request(submission);
}

// What this scheduler told the others itself comes back to it, too.
void Consumer::take_notice(const Incoming& incoming, DeliveryRef delivery) {
  const amqp_basic_properties_t& sent = *incoming.properties;
  const bool own = property(sent, AMQP_BASIC_APP_ID_FLAG, sent.app_id) == options().instance;
  const auto notice = own ? Result<Notice>(Error{}) : dialect::decode_notice(incoming.body);
  if (notice) return handlers_.notice(*notice, delivery);
  if (!own) log::warn("consumer: a message in {} is no notice: ignored", inbox_queue(options()));
  acknowledge(delivery);
}

Submission Consumer::decode(const Incoming& incoming, DeliveryRef delivery) const {
  const auto& delivered = incoming.as<amqp_basic_deliver_t>();
  const amqp_basic_properties_t& sent = *incoming.properties;
  const dialect::MessageProperties properties{
      view(delivered.routing_key), property(sent, AMQP_BASIC_REPLY_TO_FLAG, sent.reply_to),
      property(sent, AMQP_BASIC_CORRELATION_ID_FLAG, sent.correlation_id),
      property(sent, AMQP_BASIC_MESSAGE_ID_FLAG, sent.message_id)};
  dialect::Request request = dialect::decode_request(incoming.body, properties, limits_);
  Submission submission{.job = std::move(request.job),
                        .rejected = std::move(request.error),
                        .answerable = request.answerable,
                        .body = {},
                        .routing_key = {},
                        .delivery = delivery,
                        .redelivered = delivered.redelivered != 0};
  const bool nobody_to_tell = submission.job.synchronous() && !submission.job.reply;
  if (!submission.answerable || nobody_to_tell) {
    submission.body = incoming.body;
    submission.routing_key = properties.routing_key;
  }
  submission.job.fingerprint = fingerprint(incoming.body, properties);
  return submission;
}

// Delivery tags count up: all that continue the unbroken run of acknowledged ones go in one acknowledgement.
void Consumer::send_acknowledgements() {
  acknowledging_.cancel();
  std::vector<DeliveryRef>& deliveries = to_acknowledge_;
  std::erase_if(deliveries, [this](DeliveryRef delivery) { return delivery.epoch != epoch_; });
  std::ranges::sort(deliveries, {}, &DeliveryRef::tag);
  std::uint64_t end_of_run = 0;
  auto next = deliveries.begin();
  for (;;) {
    if (next != deliveries.end() && next->tag == run_ + 1) {
      end_of_run = run_ = next++->tag;
    } else if (!beyond_run_.empty() && *beyond_run_.begin() == run_ + 1) {
      run_ = *beyond_run_.begin();
      beyond_run_.erase(beyond_run_.begin());
    } else {
      break;
    }
  }
  const auto acknowledge = [&](std::uint64_t tag, bool multiple) {
    amqp_basic_ack_t ack{tag, multiple};
    connection()->send(AMQP_BASIC_ACK_METHOD, &ack);
  };
  if (end_of_run != 0) acknowledge(end_of_run, true);
  for (; next != deliveries.end(); ++next) {
    acknowledge(next->tag, false);
    beyond_run_.insert(next->tag);
  }
  deliveries.clear();
}

}  // namespace elves::broker
