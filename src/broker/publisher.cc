#include "broker/publisher.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/error_text.h"

namespace elves::broker {
namespace {

constexpr int kMostRefusals = 3;
constexpr std::size_t kReadEvery = 64;  // messages sent between two looks at what the broker says
constexpr Millis kLastWords{300};

}  // namespace

AmqpPublisher::AmqpPublisher(const BrokerOptions& options, OnConfirmed on_confirmed, MetricsSink& metrics)
    : Link("publisher", options, metrics), on_confirmed_(std::move(on_confirmed)) {
  start_thread();
}

AmqpPublisher::~AmqpPublisher() { stop_thread(); }

void AmqpPublisher::publish(Publication what, std::function<void()> done) {
  mailbox_.push(Order{std::move(what), std::move(done)});
}

void AmqpPublisher::session(Connection& connection) {
  amqp_confirm_select(connection.raw(), Connection::kChannel);
  connection.check("asking for publisher confirms");
  begin_again();
  announce_connected();
  if (unconfirmed_.empty()) announce_useful();
  while (!stopping()) turn(connection, Millis(options().heartbeat) / 4);
  const auto last_words = std::chrono::steady_clock::now() + kLastWords;
  do {
    turn(connection, Millis(10));
  } while (!unconfirmed_.empty() && std::chrono::steady_clock::now() < last_words);
}

void AmqpPublisher::turn(Connection& connection, Millis most) {
  send_new(connection);
  wait(connection, most);
  take_confirms(connection);
  release_confirmed();
  amqp_maybe_release_buffers(connection.raw());
}

// Delivery tags start at 1 on every connection: what is confirmed leaves, the rest is to be sent again.
void AmqpPublisher::begin_again() {
  std::vector<std::function<void()>> done;
  std::deque<Message> before;
  before.swap(unconfirmed_);
  for (Message& message : before) {
    if (message.confirmed) {
      release(std::move(message), done);
    } else {
      message.returned = false;
      unconfirmed_.push_back(std::move(message));
    }
  }
  first_tag_ = 1;
  sent_ = 0;
  blocked_ = false;
  if (!done.empty()) on_confirmed_(std::move(done));
}

void AmqpPublisher::on_lost(const BrokerError& why) {
  const bool alone = suspects_ > 0 && sent_ == 1;
  suspects_ = std::max(suspects_, sent_);
  if (!why.refusal() || !alone || unconfirmed_.front().confirmed) return;
  if (++unconfirmed_.front().refusals < kMostRefusals) return;
  Message message = std::move(unconfirmed_.front());
  unconfirmed_.pop_front();
  --suspects_;
  bury(std::move(message), why.what());
}

void AmqpPublisher::send_new(Connection& connection) {
  for (Order& order : mailbox_.take()) {
    if (order.done) unconfirmed_.push_back(encode(std::move(order)));
  }
  std::size_t run = 0;
  while (!blocked_ && sent_ < unconfirmed_.size() && (suspects_ == 0 || sent_ == 0)) {
    send(connection, unconfirmed_[sent_++]);
    if (++run % kReadEvery == 0) take_confirms(connection);
  }
}

AmqpPublisher::Message AmqpPublisher::encode(Order order) const {
  Message message;
  if (auto* answer = std::get_if<Answer>(&order.what)) {
    message = encode_answer(*answer);
  } else {
    auto& letter = std::get<DeadLetter>(order.what);
    message.routing_key = kDeadQueue;
    message.body = std::exchange(letter.body, {});
    message.dead_letter = std::move(letter);
  }
  message.done = std::move(order.done);
  return message;
}

AmqpPublisher::Message AmqpPublisher::encode_answer(const Answer& answer) const {
  Message message;
  const bool terminal = answer.kind == Answer::Kind::terminal;
  const ReplyRoute route = terminal ? dialect::terminal_route(*answer.job) : *answer.job->reply;
  message.exchange = route.direct ? "" : options().exchange;
  message.routing_key = route.routing_key;
  message.correlation_id = route.correlation_id;
  message.message_id = answer.job->log_id.text();
  // A reply queue is gone with the one who waits at it: writing its messages to disk would protect nobody.
  message.persistent = !route.direct;
  switch (answer.kind) {
    case Answer::Kind::reply:
      message.body = dialect::encode_reply(*answer.job, answer.outcome);
      break;
    case Answer::Kind::acceptance:
      message.body = dialect::encode_acceptance(*answer.job, answer.outcome);
      break;
    case Answer::Kind::terminal:
      message.body = dialect::encode_terminal(*answer.job, answer.outcome);
      break;
  }
  return message;
}

void AmqpPublisher::send(Connection& connection, const Message& message) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  properties.delivery_mode = message.persistent ? 2 : 1;
  if (!message.message_id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(message.message_id);
  }
  if (!message.correlation_id.empty()) {
    properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.correlation_id = bytes(message.correlation_id);
  }
  std::string reason;
  std::string time;
  std::array<amqp_table_entry_t, 3> headers{};
  if (message.dead_letter) {
    reason = dialect::error_text(message.dead_letter->reason, false);
    time = std::to_string(std::time(nullptr));
    const auto header = [](const char* key, const std::string& value) {
      amqp_table_entry_t entry{};
      entry.key = amqp_cstring_bytes(key);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = bytes(value);
      return entry;
    };
    headers = {header("x-elves-error", reason),
               header("x-elves-routing-key", message.dead_letter->routing_key), header("x-elves-time", time)};
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {static_cast<int>(headers.size()), headers.data()};
  }
  Connection::check(
      amqp_basic_publish(connection.raw(), Connection::kChannel, bytes(message.exchange),
                         bytes(message.routing_key), true, false, &properties, bytes(message.body)),
      "publishing");
}

void AmqpPublisher::take_confirms(Connection& connection) {
  while (const auto method = connection.next_method()) {
    switch (method->id) {
      case AMQP_BASIC_ACK_METHOD: {
        const auto* ack = static_cast<const amqp_basic_ack_t*>(method->decoded);
        on_ack(ack->delivery_tag, ack->multiple);
        break;
      }
      case AMQP_BASIC_NACK_METHOD: {
        const auto* nack = static_cast<const amqp_basic_nack_t*>(method->decoded);
        on_nack(nack->delivery_tag, nack->multiple);
        break;
      }
      case AMQP_BASIC_RETURN_METHOD:
        on_return(connection, *static_cast<const amqp_basic_return_t*>(method->decoded));
        break;
      case AMQP_CONNECTION_BLOCKED_METHOD:
        blocked_ = true;
        log::warn("publisher: the broker takes no messages (memory or disk alarm); answers wait");
        break;
      case AMQP_CONNECTION_UNBLOCKED_METHOD:
        blocked_ = false;
        log::info("publisher: the broker takes messages again");
        break;
      default:
        break;
    }
  }
}

template <class Action>
void AmqpPublisher::for_tags(std::uint64_t tag, bool multiple, Action action) {
  if (tag < first_tag_) return;
  const std::size_t last = std::min<std::size_t>(tag - first_tag_, sent_ - 1);
  for (std::size_t i = multiple ? 0 : last; i <= last && i < unconfirmed_.size(); ++i)
    action(unconfirmed_[i]);
}

void AmqpPublisher::on_ack(std::uint64_t tag, bool multiple) {
  for_tags(tag, multiple, [](Message& message) { message.confirmed = true; });
}

void AmqpPublisher::on_nack(std::uint64_t tag, bool multiple) {
  // What the broker could not take goes out again behind the others.
  std::vector<Message> again;
  for_tags(tag, multiple, [&](Message& message) {
    if (std::exchange(message.confirmed, true)) return;
    again.push_back(message);
    again.back().confirmed = false;
    message.done = nullptr;
    message.returned = false;
    metrics().count(Event::publish_retried);
  });
  std::ranges::move(again, std::back_inserter(unconfirmed_));
}

void AmqpPublisher::on_return(Connection& connection, const amqp_basic_return_t& returned) {
  const std::string routing_key(view(returned.routing_key));
  const std::string reason(view(returned.reply_text));
  amqp_message_t message;
  const auto reply = amqp_read_message(connection.raw(), Connection::kChannel, &message, 0);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw BrokerError("reading a returned message");
  const std::string id(message.properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG
                           ? view(message.properties.message_id)
                           : std::string_view{});
  amqp_destroy_message(&message);
  metrics().count(Event::reply_returned);
  log::warn("job {}: nobody listens at '{}' ({}): its message goes to {}", id, routing_key, reason,
            kDeadQueue);
  const auto sent_end = unconfirmed_.begin() + static_cast<std::ptrdiff_t>(sent_);
  const auto at = std::find_if(unconfirmed_.begin(), sent_end, [&](const Message& candidate) {
    return !candidate.confirmed && !candidate.returned && candidate.message_id == id &&
           candidate.routing_key == routing_key;
  });
  if (at == sent_end) return;
  if (at->dead_letter) throw BrokerError("queue " + kDeadQueue + " is gone");
  at->returned = true;
}

void AmqpPublisher::release_confirmed() {
  std::vector<std::function<void()>> done;
  while (!unconfirmed_.empty() && unconfirmed_.front().confirmed) {
    Message message = std::move(unconfirmed_.front());
    unconfirmed_.pop_front();
    ++first_tag_;
    --sent_;
    if (suspects_ > 0) --suspects_;
    release(std::move(message), done);
    announce_useful();
  }
  if (!done.empty()) on_confirmed_(std::move(done));
}

void AmqpPublisher::release(Message message, std::vector<std::function<void()>>& done) {
  if (message.returned) {
    bury(std::move(message), "nobody listens at this routing key");
  } else if (message.done) {
    done.push_back(std::move(message.done));
  }
}

// Makes a dead letter of a message that cannot be delivered. A dead letter that the broker refuses too has no
// better place than the log.
void AmqpPublisher::bury(Message message, const std::string& why) {
  metrics().count(Event::dead_letter);
  if (message.dead_letter) {
    log::error("a dead letter for '{}' is refused by the broker and lost: {}",
               message.dead_letter->routing_key, why);
    return on_confirmed_({std::move(message.done)});
  }
  Message letter;
  letter.dead_letter = DeadLetter{{}, std::move(message.routing_key), {ErrorCode::internal, why}};
  letter.routing_key = kDeadQueue;
  if (message.refusals == 0) letter.body = std::move(message.body);  // its size may be why it was refused
  letter.message_id = std::move(message.message_id);
  letter.done = std::move(message.done);
  unconfirmed_.push_back(std::move(letter));
}

}  // namespace elves::broker
