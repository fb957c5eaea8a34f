#include "broker/publisher.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"

namespace elves::broker {
namespace {

constexpr int kMostRefusals = 3;
constexpr std::size_t kReadEvery = 64;  // messages sent between two looks at what the broker says
constexpr Millis kLastWords{300};

// While it lives the system keeps what is sent until a segment is full: librabbitmq sends every frame by
// itself, and each would be a segment, and a wake of the broker, of its own.
class Cork {
 public:
  explicit Cork(const Connection& connection) : connection_(connection) { set(1); }
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;
  ~Cork() { set(0); }

 private:
  // Best effort. Asks for the socket anew: librabbitmq may have closed it meanwhile.
  void set(int on) const { ::setsockopt(connection_.fd(), IPPROTO_TCP, TCP_CORK, &on, sizeof on); }

  const Connection& connection_;
};

}  // namespace

AmqpPublisher::AmqpPublisher(const BrokerOptions& options, OnConfirmed on_confirmed, MetricsSink& metrics)
    : Link("publisher", options, metrics), on_confirmed_(std::move(on_confirmed)) {
  start_thread();
}

AmqpPublisher::~AmqpPublisher() { stop_thread(); }

void AmqpPublisher::publish(Publication what, std::function<void()> done) {
  mailbox_.push(Order{std::move(what), std::move(done)});
}

void AmqpPublisher::session(Connection& connection, bool peers) {
  peers_ = peers;
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

// Delivery tags start at 1 on every connection: what is confirmed leaves, the rest is to be sent again,
// unless it is not sure any more.
void AmqpPublisher::begin_again() {
  take_orders();
  std::vector<std::function<void()>> done;
  std::deque<Message> before;
  before.swap(unconfirmed_);
  for (Message& message : before) {
    if (message.confirmed || (message.what.notice && !peers_)) {
      release(std::move(message), done);
    } else if (message.on_unsure) {
      done.push_back(std::move(message.on_unsure));
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
  if (why.cause() != BrokerError::Cause::refusal || !alone || unconfirmed_.front().confirmed) return;
  if (++unconfirmed_.front().refusals < kMostRefusals) return;
  Message message = std::move(unconfirmed_.front());
  unconfirmed_.pop_front();
  --suspects_;
  bury(std::move(message), why.what());
}

void AmqpPublisher::take_orders() {
  for (Order& order : mailbox_.take()) {
    if (!order.done) continue;
    if (!peers_ && std::holds_alternative<Notice>(order.what)) {
      on_confirmed_({std::move(order.done)});
      continue;
    }
    Message message;
    if (auto* answer = std::get_if<Answer>(&order.what)) {
      message.on_returned = std::move(answer->returned);
      message.on_unsure = std::move(answer->unsure);
    }
    message.what = encode(std::move(order.what), options());
    message.done = std::move(order.done);
    unconfirmed_.push_back(std::move(message));
  }
}

void AmqpPublisher::send_new(Connection& connection) {
  take_orders();
  const auto may_send = [this] {
    return !blocked_ && sent_ < unconfirmed_.size() && (suspects_ == 0 || sent_ == 0);
  };
  if (!may_send()) return;
  const Cork cork(connection);
  std::size_t run = 0;
  while (may_send()) {
    send(connection, options(), unconfirmed_[sent_++].what);
    if (++run % kReadEvery == 0) take_confirms(connection);
  }
}

// Not until nothing is there any more, which would take a vain look: what comes meanwhile ends the next wait.
void AmqpPublisher::take_confirms(Connection& connection) {
  do {
    const auto method = connection.next_method();
    if (!method) return;
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
  } while (connection.has_buffered());
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
  const auto sent_end = unconfirmed_.begin() + static_cast<std::ptrdiff_t>(sent_);
  const auto at = std::find_if(unconfirmed_.begin(), sent_end, [&](const Message& candidate) {
    return !candidate.confirmed && !candidate.returned && candidate.what.message_id == id &&
           candidate.what.routing_key == routing_key;
  });
  if (at == sent_end) return;
  if (at->what.dead_letter) throw BrokerError("queue " + kDeadQueue + " is gone");
  at->returned = true;
  if (at->on_returned) return;
  log::warn("job {}: nobody listens at '{}' ({}): its message goes to {}", id, routing_key, reason,
            kDeadQueue);
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
  if (message.returned && message.on_returned) {
    done.push_back(std::move(message.on_returned));
  } else if (message.returned) {
    bury(std::move(message), "nobody listens at this routing key");
  } else if (message.done) {
    done.push_back(std::move(message.done));
  }
}

// Makes a dead letter of a message that cannot be delivered. A dead letter that the broker refuses too has no
// better place than the log.
void AmqpPublisher::bury(Message message, const std::string& why) {
  metrics().count(Event::dead_letter);
  if (message.what.dead_letter) {
    log::error("a dead letter for '{}' is refused by the broker and lost: {}",
               message.what.dead_letter->routing_key, why);
    return on_confirmed_({std::move(message.done)});
  }
  const bool too_large = message.refusals > 0;  // its size may be why it was refused
  unconfirmed_.push_back(
      {.what = dead_letter_of(std::move(message.what), why, !too_large), .done = std::move(message.done)});
}

}  // namespace elves::broker
