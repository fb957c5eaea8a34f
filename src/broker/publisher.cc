#include "broker/publisher.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

constexpr int kMostRefusals = 3;

void call_all(const std::vector<std::function<void()>>& callbacks) {
  for (const auto& callback : callbacks) callback();
}

}  // namespace

AmqpPublisher::AmqpPublisher(asio::io_context& loop, const BrokerOptions& options, MetricsSink& metrics)
    : Link("publisher", loop, options, metrics) {}

void AmqpPublisher::publish(Publication&& what, std::function<void()> done) {
  if (connected() && !peers_ && std::holds_alternative<Notice>(what))
    return asio::post(loop(), std::move(done));
  Message& message = unconfirmed_.emplace_back();
  if (auto* answer = std::get_if<Answer>(&what)) {
    message.on_returned = std::move(answer->returned);
    message.on_unsure = std::move(answer->unsure);
  }
  message.what = encode(std::move(what), options());
  message.done = std::move(done);
  wake();
}

asio::awaitable<void> AmqpPublisher::session(Connection& connection, bool peers) {
  peers_ = peers;
  const std::string what = "asking for publisher confirms";
  amqp_confirm_select_t select{};
  co_await connection.call(what, AMQP_CONFIRM_SELECT_METHOD, &select, AMQP_CONFIRM_SELECT_OK_METHOD);
  begin_again();
  announce_connected();
  connection.set_writer([this, &connection] { send_new(connection); });
  connection.wake();
  while (!connection.over()) {
    leave_if_due();
    co_await connection.fill();
    while (const auto incoming = connection.next()) handle(*incoming);
    release_confirmed();
  }
}

// Delivery tags start at 1 on every connection: what is confirmed leaves, the rest is to be sent again,
// unless it is not sure any more.
void AmqpPublisher::begin_again() {
  Callbacks done;
  std::deque<Message> before;
  before.swap(unconfirmed_);
  for (Message& message : before) {
    if (message.confirmed || (message.what.notice && !peers_)) {
      release(message, done);
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
  call_all(done);
}

void AmqpPublisher::on_lost(const BrokerError& why) {
  const bool alone = suspects_ > 0 && sent_ == 1;
  suspects_ = std::max(suspects_, sent_);
  if (why.cause() != BrokerError::Cause::refusal || !alone || unconfirmed_.front().confirmed) return;
  if (++unconfirmed_.front().refusals < kMostRefusals) return;
  Message message = std::move(unconfirmed_.front());
  unconfirmed_.pop_front();
  --suspects_;
  Callbacks done;
  bury(std::move(message), why.what(), done);
  call_all(done);
}

void AmqpPublisher::send_new(Connection& connection) {
  const auto may_send = [&] {
    return !blocked_ && sent_ < unconfirmed_.size() && (suspects_ == 0 || sent_ == 0) && connection.roomy();
  };
  while (may_send()) send(connection, options(), unconfirmed_[sent_++].what);
}

void AmqpPublisher::handle(const Incoming& incoming) {
  switch (incoming.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto& ack = incoming.as<amqp_basic_ack_t>();
      return on_ack(ack.delivery_tag, ack.multiple);
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto& nack = incoming.as<amqp_basic_nack_t>();
      return on_nack(nack.delivery_tag, nack.multiple);
    }
    case AMQP_BASIC_RETURN_METHOD:
      return on_return(incoming);
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return set_blocked(true);
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      return set_blocked(false);
    default:
      return;
  }
}

void AmqpPublisher::set_blocked(bool blocked) {
  blocked_ = blocked;
  if (blocked) {
    log::warn("publisher: the broker takes no messages (memory or disk alarm); answers wait");
  } else {
    log::info("publisher: the broker takes messages again");
    wake();
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

void AmqpPublisher::on_return(const Incoming& incoming) {
  const auto& sent = *incoming.properties;
  const auto& returned = incoming.as<amqp_basic_return_t>();
  const std::string_view routing_key = view(returned.routing_key);
  const std::string_view id = property(sent, AMQP_BASIC_MESSAGE_ID_FLAG, sent.message_id);
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
  log::warn("job {}: nobody listens at '{}' ({}): its message goes to {}", id, routing_key,
            view(returned.reply_text), kDeadQueue);
}

void AmqpPublisher::release_confirmed() {
  Callbacks done;
  while (!unconfirmed_.empty() && unconfirmed_.front().confirmed) {
    release(unconfirmed_.front(), done);
    unconfirmed_.pop_front();
    ++first_tag_;
    --sent_;
    if (suspects_ > 0) --suspects_;
    announce_useful();
  }
  if (sent_ < unconfirmed_.size()) wake();
  call_all(done);
}

// What is left of the message is of no more use.
void AmqpPublisher::release(Message& message, Callbacks& done) {
  if (message.returned && message.on_returned) {
    done.push_back(std::move(message.on_returned));
  } else if (message.returned) {
    bury(std::move(message), "nobody listens at this routing key", done);
  } else if (message.done) {
    done.push_back(std::move(message.done));
  }
}

// Makes a dead letter of a message that cannot be delivered. A dead letter that the broker refuses too has no
// better place than the log.
void AmqpPublisher::bury(Message message, const std::string& why, Callbacks& done) {
  metrics().count(Event::dead_letter);
  if (message.what.dead_letter) {
    log::error("a dead letter for '{}' is refused by the broker and lost: {}",
               message.what.dead_letter->routing_key, why);
    return done.push_back(std::move(message.done));
  }
  const bool too_large = message.refusals > 0;  // its size may be why it was refused
  unconfirmed_.push_back(
      {.what = dead_letter_of(std::move(message.what), why, !too_large), .done = std::move(message.done)});
}

}  // namespace elves::broker
