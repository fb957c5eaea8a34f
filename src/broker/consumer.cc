#include "broker/consumer.h"

#include <xxhash.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/notice.h"

namespace elves::broker {
namespace {

constexpr std::size_t kMostAtOnce = 256;
constexpr std::chrono::seconds kDeafCheck{15};
constexpr std::uint16_t kInboxPrefetch = 1000;
constexpr Millis kLookAgain{100};
constexpr Millis kPeersReturn{2000};  // beyond the longest pause of a peer's publisher
const std::string kRequestTag = "elves-scheduler";
const std::string kInboxTag = "elves-scheduler-inbox";

std::string_view property(const amqp_basic_properties_t& properties, amqp_flags_t flag, amqp_bytes_t value) {
  return properties._flags & flag ? view(value) : std::string_view{};
}

// The same in every scheduler: agents and journals compare it.
std::uint64_t fingerprint(std::string_view body, const dialect::MessageProperties& properties) {
  std::uint64_t sum = 0;
  for (const auto part : {body, properties.routing_key, properties.reply_to, properties.correlation_id,
                          properties.message_id}) {
    sum = XXH3_64bits_withSeed(part.data(), part.size(), sum);
  }
  return sum == 0 ? 1 : sum;
}

void consume(Connection& connection, const std::string& queue, const std::string& tag,
             std::uint16_t prefetch) {
  amqp_basic_qos(connection.raw(), Connection::kChannel, 0, prefetch, false);
  connection.check("setting the prefetch");
  amqp_basic_consume(connection.raw(), Connection::kChannel, bytes(queue), bytes(tag), false, false, false,
                     amqp_empty_table);
  connection.check(("consuming queue " + queue).c_str());
}

}  // namespace

Consumer::Consumer(const BrokerOptions& options, const dialect::Limits& limits, Handlers handlers,
                   MetricsSink& metrics)
    : Link("consumer", options, metrics), limits_(limits), handlers_(std::move(handlers)) {
  start_thread();
}

Consumer::~Consumer() { stop_thread(); }

void Consumer::stop_consuming() {
  cancelled_ = true;
  wake();
}

void Consumer::session(Connection& connection, bool peers) {
  ++epoch_;
  run_ = 0;
  beyond_run_.clear();
  has_inbox_ = peers;
  unread_ = 0;
  look_again_ = false;
  if (peers) open_inbox(connection);
  asked_ = true;
  peers_back_ = std::chrono::steady_clock::now();
  if (troubled()) peers_back_ += kLongestPause + kPeersReturn;
  bool subscribed = !cancelled_;
  if (subscribed) subscribe(connection);
  announce_connected();
  announce_useful();
  last_turn_ = std::chrono::steady_clock::now();
  while (!stopping()) {
    if (!asked_) wait(connection, longest_wait());
    check_not_paused();
    send_acknowledgements(connection);
    if (asked_.exchange(false) || look_again_) look_for_notices(connection);
    take_deliveries(connection);
    if (subscribed && cancelled_) {
      amqp_basic_cancel(connection.raw(), Connection::kChannel, bytes(kRequestTag));
      connection.check("cancelling the consumer");
      subscribed = false;
    }
    if (subscribed) check_not_deaf(connection);
    amqp_maybe_release_buffers(connection.raw());
  }
  send_acknowledgements(connection);
}

Millis Consumer::longest_wait() const {
  if (unread_ > 0) return Millis(0);  // until nothing is there
  return look_again_ ? kLookAgain : Millis(options().heartbeat) / 4;
}

void Consumer::subscribe(Connection& connection) {
  consume(connection, kRequestQueue, kRequestTag, options().prefetch);
  next_check_ = std::chrono::steady_clock::now() + kDeafCheck;
}

// Other schedulers are heard even while no requests are taken any more.
void Consumer::open_inbox(Connection& connection) {
  declare_inbox(connection, options());
  consume(connection, inbox_queue(options()), kInboxTag, kInboxPrefetch);
}

void Consumer::read_notices() {
  asked_ = true;
  wake();
}

// What the broker has sent before its answer is here already, among the requests; what it still holds, or
// sent on a connection that it does not know to be broken, needs another look. After an outage the other
// schedulers get the time to come back, too, and tell what they have settled meanwhile.
void Consumer::look_for_notices(Connection& connection) {
  if (!has_inbox_) return handlers_.notices_read();
  const InboxState inbox = look_at_inbox(connection, options());
  const bool peers_away = std::chrono::steady_clock::now() < peers_back_;
  look_again_ = peers_away || inbox.waiting > 0 || inbox.consumers > 1;
  if (!look_again_) unread_ = std::size_t{options().prefetch} + kInboxPrefetch;
}

// A broker that heard nothing for so long has given what it delivered to others: it must not be read.
void Consumer::check_not_paused() {
  const auto now = std::chrono::steady_clock::now();
  if (now - std::exchange(last_turn_, now) > options().heartbeat) {
    throw BrokerError("this process stood still for longer than the heartbeat");
  }
}

void Consumer::check_not_deaf(Connection& connection) {
  if (std::chrono::steady_clock::now() < next_check_) return;
  if (count_consumers(connection) == 0)
    throw BrokerError("queue scheduler has no consumer although this is one");
  next_check_ = std::chrono::steady_clock::now() + kDeafCheck;
}

void Consumer::take_deliveries(Connection& connection) {
  Batch batch;
  const bool all = take_batch(connection, batch);
  const std::size_t taken = batch.requests.size() + batch.notices.size();
  hand_over(std::move(batch));
  if (unread_ == 0) return;
  unread_ = all ? 0 : unread_ - std::min(unread_, taken);
  if (unread_ == 0) handlers_.notices_read();
}

// Answers whether nothing was there. What comes while it takes the rest ends the next wait: no vain look for
// it.
bool Consumer::take_batch(Connection& connection, Batch& batch) {
  const timeval now{0, 0};
  while (batch.requests.size() + batch.notices.size() < kMostAtOnce) {
    amqp_envelope_t envelope;
    const auto reply = amqp_consume_message(connection.raw(), &envelope, &now, 0);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
      take(envelope, batch);
      amqp_destroy_envelope(&envelope);
      if (!connection.has_buffered()) return false;
    } else if (reply.library_error == AMQP_STATUS_UNEXPECTED_STATE) {
      connection.next_method();
    } else if (reply.library_error == AMQP_STATUS_TIMEOUT) {
      return true;
    } else {
      hand_over(std::exchange(batch, {}));
      connection.check("receiving");
      throw BrokerError(std::string("receiving: ") + amqp_error_string2(reply.library_error));
    }
  }
  return false;
}

void Consumer::take(const amqp_envelope_t& envelope, Batch& batch) {
  if (view(envelope.consumer_tag) == kInboxTag) return take_notice(envelope, batch);
  batch.requests.push_back(decode(envelope));
}

// What this scheduler told the others itself comes back to it, too.
void Consumer::take_notice(const amqp_envelope_t& envelope, Batch& batch) {
  const amqp_basic_properties_t& sent = envelope.message.properties;
  const DeliveryRef delivery{envelope.delivery_tag, epoch_};
  const bool own = property(sent, AMQP_BASIC_APP_ID_FLAG, sent.app_id) == options().instance;
  auto notice = own ? Result<Notice>(Error{}) : dialect::decode_notice(view(envelope.message.body));
  if (notice) {
    batch.notices.push_back({std::move(*notice), delivery});
  } else {
    if (!own) log::warn("consumer: a message in {} is no notice: ignored", inbox_queue(options()));
    acknowledge(delivery);
  }
}

void Consumer::hand_over(Batch batch) {
  if (!batch.notices.empty()) handlers_.notices(std::move(batch.notices));
  if (!batch.requests.empty()) handlers_.requests(std::move(batch.requests));
}

Submission Consumer::decode(const amqp_envelope_t& envelope) const {
  const amqp_basic_properties_t& sent = envelope.message.properties;
  const std::string_view body = view(envelope.message.body);
  const dialect::MessageProperties properties{
      view(envelope.routing_key), property(sent, AMQP_BASIC_REPLY_TO_FLAG, sent.reply_to),
      property(sent, AMQP_BASIC_CORRELATION_ID_FLAG, sent.correlation_id),
      property(sent, AMQP_BASIC_MESSAGE_ID_FLAG, sent.message_id)};
  dialect::Request request = dialect::decode_request(body, properties, limits_);
  Submission submission;
  submission.job = std::move(request.job);
  submission.rejected = std::move(request.error);
  submission.answerable = request.answerable;
  const bool nobody_to_tell = submission.job.synchronous() && !submission.job.reply;
  if (!submission.answerable || nobody_to_tell) {
    submission.body = body;
    submission.routing_key = properties.routing_key;
  }
  submission.delivery = DeliveryRef{envelope.delivery_tag, epoch_};
  submission.redelivered = envelope.redelivered;
  submission.job.fingerprint = fingerprint(body, properties);
  return submission;
}

// Delivery tags count up: all that continue the unbroken run of acknowledged ones go in one acknowledgement.
void Consumer::send_acknowledgements(Connection& connection) {
  std::vector<DeliveryRef> deliveries = mailbox_.take();
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
    Connection::check(amqp_basic_ack(connection.raw(), Connection::kChannel, tag, multiple), "acknowledging");
  };
  if (end_of_run != 0) acknowledge(end_of_run, true);
  for (; next != deliveries.end(); ++next) {
    acknowledge(next->tag, false);
    beyond_run_.insert(next->tag);
  }
}

}  // namespace elves::broker
