#include "broker/consumer.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <optional>
#include <utility>

#include "base/log.h"
#include "broker/headers.h"
#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/notice.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds kDeafCheck{15};
constexpr int kDeafLooks = 2;
constexpr std::uint16_t kInboxPrefetch = 1000;
constexpr Millis kLookAgain{100};
constexpr Millis kAcknowledgeWithin{5};
constexpr Millis kQuiet{50};
constexpr Millis kFillsUpWithin{1000};
constexpr Millis kStopsWithin{1000};
constexpr std::size_t kAcknowledgedAtOnce = 64;  // that part of the prefetch count does not wait
constexpr Millis kPeersReturn{2000};             // beyond the longest pause of a peer's publisher
constexpr std::uint64_t kMostDeliveries = 10;

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

// A request that comes back again and again may be what ends the schedulers that take it.
bool is_poison(const Incoming& incoming) { return earlier_deliveries(incoming.headers) >= kMostDeliveries; }

std::optional<Error> reason_to_refuse(const Incoming& incoming) {
  if (!incoming.fault.empty()) return Error{ErrorCode::message_malformed, incoming.fault};
  if (!is_poison(incoming)) return std::nullopt;
  return Error{ErrorCode::outcome_unknown,
               fmt::format("the broker has delivered it {} times before, and no scheduler finished it: it is "
                           "not tried again",
                           earlier_deliveries(incoming.headers))};
}

}  // namespace

Consumer::Consumer(asio::io_context& loop, Timers& timers, const BrokerOptions& options,
                   const dialect::Limits& limits, Handlers handlers, MetricsSink& metrics)
    : Link("consumer", loop, options, metrics),
      timers_(timers),
      limits_(limits),
      handlers_(std::move(handlers)),
      channels_(Link::options()) {}

// In no hurry, unless the broker holds back requests for want of them: what waits a little goes in one.
void Consumer::acknowledge(DeliveryRef delivery) {
  channels_.acknowledge(delivery);
  if (channels_.untold() > options().prefetch / kAcknowledgedAtOnce) return wake();
  if (acknowledging_.pending()) return;
  timers_.set(acknowledging_, Deadline(now() + kAcknowledgeWithin), [this] { wake(); });
}

void Consumer::stop_consuming(std::function<void()> stopped) {
  cancelled_ = true;
  stopped_ = std::move(stopped);
  deaf_check_.cancel();
  channels_.fill_up();
  leave_when_quiet(now() + kFillsUpWithin);
}

// Of what is on its way to a consumer that is cancelled a quorum queue says that it was delivered.
void Consumer::leave_when_quiet(SteadyTime latest) {
  timers_.set(leaving_, Deadline(now() + kQuiet), [this, latest, before = requests_] {
    if (requests_ != before && now() < latest) return leave_when_quiet(latest);
    channels_.cancel();
    timers_.set(leaving_, Deadline(now() + kStopsWithin), [this] { std::exchange(stopped_, nullptr)(); });
    tell_if_stopped();
  });
  tell_if_stopped();
}

void Consumer::tell_if_stopped() {
  if (!stopped_ || channels_.consuming()) return;
  leaving_.cancel();
  std::exchange(stopped_, nullptr)();
}

asio::awaitable<void> Consumer::session(Connection& connection, bool peers) {
  begin_again(connection);
  if (peers) has_inbox_ = co_await declare_inbox(connection, options());
  if (has_inbox_) {
    // Other schedulers are heard even while no requests are taken any more.
    inbox_tag_ = channels_.new_tag();
    consume(connection, inbox_queue(options()), inbox_tag_, kInboxPrefetch);
  }
  connection.set_writer([this] {
    acknowledging_.cancel();
    if (stopping()) channels_.cancel();  // the last words: no consumer is to fill up any more
    tell();
  });
  ready_ = true;
  look_for_notices();
  if (cancelled_) {
    announce_connected();
  } else {
    subscribe();
  }
  while (!connection.over()) {
    co_await connection.fill();
    while (const auto incoming = connection.next()) handle(*incoming);
  }
  ask_no_more();
}

// What was acknowledged on a connection does not come again, so that such a connection was of use.
void Consumer::tell() {
  const std::size_t untold = channels_.untold();
  channels_.tell();
  if (channels_.untold() < untold) announce_useful();
}

// Both connections find the same: this one tells, and only what is new since the last time.
void Consumer::look_over(const Topology& topology) {
  const auto before = std::exchange(told_of_, {});
  misfits_ = topology.misfits.size();
  for (const auto& text : topology.misfits)
    if (told_of_.insert(text).second && !before.contains(text)) log::warn("{}", text);
  for (const auto& text : topology.remarks)
    if (told_of_.insert(text).second && !before.contains(text)) log::info("{}", text);
  if (!topology.useless.empty()) throw BrokerError(topology.useless);
}

void Consumer::begin_again(Connection& connection) {
  connection.end_after_pause();
  channels_.begin(connection, ++epoch_);
  has_inbox_ = false;
  looking_ = asked_ = ready_ = false;
  deaf_looks_ = 0;
  peers_back_ = now();
  if (troubled()) peers_back_ += kLongestPause + kPeersReturn;
}

void Consumer::on_lost(const BrokerError& why) {
  channels_.lost(why);
  ask_no_more();
  handlers_.lost();
  tell_if_stopped();
}

void Consumer::ask_no_more() {
  channels_.end();
  ready_ = false;
  look_again_.cancel();
  deaf_check_.cancel();
}

void Consumer::subscribe() {
  channels_.subscribe();
  check_not_deaf();
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
      channels_.handle(incoming);
      return tell_if_stopped();
  }
}

void Consumer::on_consuming(std::string_view tag) {
  if (tag != inbox_tag_ && !connected()) announce_connected();
}

// What the broker still holds, or sent on a connection that it does not know to be broken (then there is
// another consumer), needs another look. After an outage the other schedulers get the time to come back, too,
// and tell what they have settled meanwhile. RabbitMQ's answer may overtake deliveries that it no longer
// counts as held, but not those of before the question: so it is asked twice.
void Consumer::on_state(const amqp_queue_declare_ok_t& queue) {
  if (view(queue.queue) == kRequestQueue) return compare_consumers(queue);
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

// A consumer that was just begun or cancelled may be counted otherwise once; and a queue that has no leader
// at the moment is said to hold nothing.
void Consumer::compare_consumers(const amqp_queue_declare_ok_t& queue) {
  const bool missing = !cancelled_ && queue.message_count > 0 && queue.consumer_count < channels_.consumers();
  deaf_looks_ = missing ? deaf_looks_ + 1 : 0;
  if (deaf_looks_ < kDeafLooks) return;
  throw BrokerError(
      fmt::format("{} requests wait in queue scheduler, of whose consumers the broker knows {} and "
                  "this scheduler alone is {}",
                  queue.message_count, queue.consumer_count, channels_.consumers()));
}

void Consumer::on_delivery(const Incoming& incoming) {
  if (stopping()) return;  // it goes back to the queue
  const DeliveryRef delivery = channels_.delivered(incoming);
  if (view(incoming.as<amqp_basic_deliver_t>().consumer_tag) == inbox_tag_)
    return take_notice(incoming, delivery);
  ++requests_;
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
  const auto why = reason_to_refuse(incoming);
  dialect::Request request = why ? dialect::refuse_request(incoming.body, properties, limits_, *why)
                                 : dialect::decode_request(incoming.body, properties, limits_);
  Submission submission{.job = std::move(request.job),
                        .rejected = std::move(request.error),
                        .answerable = request.answerable && !is_poison(incoming),
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

}  // namespace elves::broker
