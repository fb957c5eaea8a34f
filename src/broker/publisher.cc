#include "broker/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "broker/refusal.h"
#include "broker/topology.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

constexpr int kMostRefusals = 3;
constexpr Millis kLook{1000};
constexpr int kMostRenewals = 16;  // times the first patience
constexpr Millis kVerdict{1000};   // the broker that closes a connection because of a message does so at once
constexpr Millis kLatestVerdict{60000};
constexpr Millis kFreshChannel{2000};
constexpr Millis kOldestChannel{60000};
constexpr Millis kSettles{500};  // what is in flight, before a channel is opened anew

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

AmqpPublisher::AmqpPublisher(asio::io_context& loop, const BrokerOptions& options, MetricsSink& metrics)
    : Link("publisher", loop, options, metrics),
      paused_({options.refused_reply, options.refused}),
      verdict_(kVerdict),
      renew_after_(options.renewal),
      channel_good_for_(kFreshChannel),
      watch_(loop) {}

void AmqpPublisher::publish(Publication&& what, std::function<void()> done) {
  if (connected() && !peers_ && std::holds_alternative<Notice>(what))
    return asio::post(loop(), std::move(done));
  Pending message{.done = std::move(done)};
  if (auto* answer = std::get_if<Answer>(&what)) {
    message.on_returned = std::move(answer->returned);
    message.on_unsure = std::move(answer->unsure);
  }
  message.what = encode(std::move(what), options());
  add(std::move(message));
}

void AmqpPublisher::add(Pending&& message) {
  message.number = next_number_++;
  message.born = now();
  const auto at = unconfirmed_.insert(unconfirmed_.end(), std::move(message));
  if (unsent_ == unconfirmed_.end()) unsent_ = at;
  wake();
}

// It is neither in flight nor does it wait at a paused destination.
void AmqpPublisher::remove(PendingAt message) {
  acquit(*message);
  if (unsent_ == message) ++unsent_;
  unconfirmed_.erase(message);
}

// It did not cost a connection, or will not be in flight for long.
void AmqpPublisher::acquit(Pending& message) {
  if (!std::exchange(message.suspect, false)) return;
  if (--suspects_ == 0) verdict_ = kVerdict;
}

AmqpPublisher::Counts AmqpPublisher::counts() const {
  const auto age = unconfirmed_.empty() ? SteadyTime::duration{} : now() - unconfirmed_.front().born;
  return {paused_.counts(), std::chrono::duration_cast<Seconds>(age), shortened_};
}

asio::awaitable<void> AmqpPublisher::session(Connection& connection, bool peers) {
  peers_ = peers;
  largest_.reset();
  blocked_ = false;
  auto ended = Ended::channel;
  for (bool first = true; ended != Ended::connection; first = false) {
    if (ended == Ended::stale) {
      channel_good_for_ = std::min(channel_good_for_ * 2, kOldestChannel);
      co_await connection.renew_channel();
    } else if (!first) {
      co_await connection.open_again();
    }
    const std::string what = "asking for publisher confirms";
    amqp_confirm_select_t select{};
    co_await connection.call(what, AMQP_CONFIRM_SELECT_METHOD, &select, AMQP_CONFIRM_SELECT_OK_METHOD);
    begin_again();
    if (first) announce_connected();
    connection.set_writer([this, &connection] { send_new(connection); });
    connection.wake();
    watch();
    ended = co_await serve(connection);
  }
  watch_.cancel();
}

// A channel that the broker has closed is of use again when what it says of the reason can be heeded.
asio::awaitable<AmqpPublisher::Ended> AmqpPublisher::serve(Connection& connection) {
  while (!connection.over()) {
    leave_if_due();
    co_await connection.fill();
    try {
      while (const auto incoming = connection.next()) handle(*incoming);
    } catch (const BrokerError& closed) {
      if (!learn(closed)) throw;
      co_return Ended::channel;
    }
    const bool stale = renewing_until_ && in_flight_.empty();
    if (!paused_.empty() || unsent_ != unconfirmed_.end()) wake();
    call_done();
    if (stale && !connection.over()) co_return Ended::stale;
  }
  co_return Ended::connection;
}

// Whether the same cannot happen again at once.
bool AmqpPublisher::learn(const BrokerError& why) {
  if (!why.channel_only()) return false;
  const auto most = largest_message(why.what());
  if (most && *most < largest_.value_or(*most + 1)) {
    largest_ = most;
    log::warn("publisher: {}", why.what());
    return true;
  }
  const auto place = forbidden_place(why.what());
  if (place) paused_.forbidden(*place, why.what(), now());
  return place.has_value();
}

// Delivery tags start at 1 on every channel. All is to be sent again, unless it is not sure any more.
void AmqpPublisher::begin_again() {
  in_flight_.clear();
  next_tag_ = 1;
  channel_since_ = now();
  renewing_until_.reset();
  paused_.begin_again(now());
  for (auto at = unconfirmed_.begin(); at != unconfirmed_.end();) {
    const auto message = at++;
    message->paced = message->returned = message->late = false;
    const bool untellable = message->what.kind == Outgoing::Kind::notice && !peers_;
    if (!untellable && !message->on_unsure) continue;
    done_.push_back(std::move(untellable ? message->done : message->on_unsure));
    remove(message);
  }
  unsent_ = unconfirmed_.begin();
  call_done();
}

// A broker that refused something closed the connection because of what was in flight: one at a time of it
// goes out on the next, so that its message is found.
void AmqpPublisher::on_lost(const BrokerError& why) {
  watch_.cancel();
  if (why.cause() != BrokerError::Cause::refusal) return;
  const bool alone = suspects_ > 0 && in_flight_.size() == 1;
  for (const auto& [tag, message] : in_flight_) {
    if (!std::exchange(message->suspect, true)) ++suspects_;
  }
  verdict_ = std::min(verdict_ * 2, kLatestVerdict);
  if (!alone) return;
  const PendingAt culprit = in_flight_.begin()->second;
  if (++culprit->refusals < kMostRefusals) return;
  in_flight_.clear();
  bury(culprit, why.what());
  call_done();
}

bool AmqpPublisher::may_send(const Connection& connection, SteadyTime now) const {
  if (blocked_ || renewing_until_ || !connection.roomy()) return false;
  return suspects_ == 0 || in_flight_.empty() || now - last_sent_ >= verdict_;
}

void AmqpPublisher::send_new(Connection& connection) {
  const SteadyTime time = now();
  while (may_send(connection, time)) {
    auto message = paused_.empty() ? std::nullopt : paused_.next(time);
    if (!message) message = next_unsent(time);
    if (!message) return;
    if (!sent(connection, *message)) continue;
    in_flight_.emplace_hint(in_flight_.end(), next_tag_++, *message);
    (*message)->sent = last_sent_ = time;
  }
}

std::optional<PendingAt> AmqpPublisher::next_unsent(SteadyTime now) {
  while (unsent_ != unconfirmed_.end()) {
    const PendingAt message = unsent_++;
    if (!fits(message)) continue;
    if (paused_.empty() || !paused_.keep(message, now)) return message;
    acquit(*message);
  }
  return std::nullopt;
}

// Whether the message is, or has been made, small enough for the broker. If not, it is over.
bool AmqpPublisher::fits(PendingAt message) {
  Outgoing& what = message->what;
  const std::size_t size = what.body.size();
  if (size <= largest_.value_or(size)) return true;
  const bool cut = shorten(what, *largest_);
  ++shortened_;
  if (const auto held = cut_.pass(now())) {
    log::warn("job {}: a message of {} bytes for '{}' is too large for the broker, which takes {}: {}{}",
              what.message_id, size, what.routing_key, *largest_,
              cut ? "it is cut" : "it cannot be delivered", and_more(*held));
  }
  if (!cut) undeliverable(message, fmt::format("it has {} bytes, and the broker takes {}", size, *largest_));
  return cut;
}

// If not, it is over.
bool AmqpPublisher::sent(Connection& connection, PendingAt message) {
  try {
    send(connection, options(), message->what);
    return true;
  } catch (const BrokerError& error) {
    paused_.withdrawn(*message);
    bury(message, error.what());
    return false;
  }
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
    for (const auto& [tag, message] : in_flight_) message->sent = now();  // it was not read meanwhile
    wake();
  }
}

template <class Action>
void AmqpPublisher::take(std::uint64_t tag, bool multiple, Action action) {
  auto at = multiple ? in_flight_.begin() : in_flight_.find(tag);
  while (at != in_flight_.end() && at->first <= tag) {
    const PendingAt message = at->second;
    at = in_flight_.erase(at);
    action(message);
  }
}

void AmqpPublisher::on_ack(std::uint64_t tag, bool multiple) {
  take(tag, multiple, [this](PendingAt message) {
    if (!paused_.empty()) paused_.confirmed(*message, now());
    release(message);
    announce_useful();
  });
}

void AmqpPublisher::on_nack(std::uint64_t tag, bool multiple) {
  take(tag, multiple, [this](PendingAt message) {
    metrics().count(Event::publish_retried);
    acquit(*message);
    message->returned = false;
    paused_.refused(message, "the broker refuses messages: a queue is full (reject-publish), or has failed",
                    now());
  });
  if (!renewing_until_ && now() - channel_since_ >= channel_good_for_) renewing_until_ = now() + kSettles;
  watch();
}

void AmqpPublisher::on_return(const Incoming& incoming) {
  const auto& sent = *incoming.properties;
  const auto& returned = incoming.as<amqp_basic_return_t>();
  const std::string_view routing_key = view(returned.routing_key);
  const std::string_view id = property(sent, AMQP_BASIC_MESSAGE_ID_FLAG, sent.message_id);
  metrics().count(Event::reply_returned);
  const auto found = std::ranges::find_if(in_flight_, [&](const auto& candidate) {
    const Pending& message = *candidate.second;
    return !message.returned && message.what.message_id == id && message.what.routing_key == routing_key;
  });
  if (found == in_flight_.end()) return;
  Pending& message = *found->second;
  if (message.what.dead_letter) throw BrokerError("queue " + kDeadQueue + " is gone");
  message.returned = true;
  if (message.on_returned || message.what.kind == Outgoing::Kind::last_word) return;
  if (const auto held = returned_.pass(now())) {
    log::warn(
        "job {}: nobody listens at '{}' (no queue takes what is published there: {} {}): its message goes to "
        "{}{}",
        id, routing_key, returned.reply_code, view(returned.reply_text), kDeadQueue, and_more(*held));
  }
}

// The broker has confirmed it.
void AmqpPublisher::release(PendingAt message) {
  if (message->returned && message->on_returned) {
    done_.push_back(std::move(message->on_returned));
  } else if (message->returned && message->what.kind != Outgoing::Kind::last_word) {
    return bury(message, "nobody listens there: no queue is bound, or it is gone");
  } else if (message->done) {
    done_.push_back(std::move(message->done));
  }
  remove(message);
}

// Makes a dead letter of a message that cannot be delivered. A dead letter that the broker refuses too has no
// better place than the log.
void AmqpPublisher::bury(PendingAt message, const std::string& why) {
  Outgoing& what = message->what;
  if (what.kind != Outgoing::Kind::notice) metrics().count(Event::dead_letter);
  if (what.kind == Outgoing::Kind::notice) {
    log::warn("a notice for other schedulers is not told: {}", why);
    done_.push_back(std::move(message->done));
  } else if (what.dead_letter) {
    log::error("a dead letter for '{}' is refused by the broker and lost: {}", what.dead_letter->routing_key,
               why);
    done_.push_back(std::move(message->done));
  } else {
    const bool too_large = message->refusals > 0;  // its size may be why it was refused
    add({.what = dead_letter_of(std::move(what), why, !too_large), .done = std::move(message->done)});
  }
  remove(message);
}

void AmqpPublisher::call_done() {
  for (const auto& callback : std::exchange(done_, {})) {
    if (callback) callback();
  }
}

// Looks again when a pause is over, at the latest after kLook.
void AmqpPublisher::watch() {
  const SteadyTime time = now();
  const SteadyTime due = paused_.due().value_or(time);
  watch_.expires_at(due > time ? std::min(due, time + kLook) : time + kLook);
  watch_.async_wait([this](boost::system::error_code fault) {
    if (fault || connection() == nullptr) return;
    look(now());
    call_done();
    wake();
    watch();
  });
}

void AmqpPublisher::look(SteadyTime now) {
  if (renewing_until_ && now >= *renewing_until_) {
    renewing_until_.reset();  // something is not confirmed: the channel stays
    channel_since_ = now;
  }
  if (paused_.empty()) channel_good_for_ = kFreshChannel;
  if (!paused_.empty()) {
    for (const PendingAt message : paused_.give_up(now)) {
      const auto seconds = std::chrono::duration_cast<Seconds>(now - message->born).count();
      undeliverable(message, fmt::format("the broker has refused it for {} s", seconds));
    }
    paused_.look(now);
  }
  if (!blocked_) look_for_silence(now);
}

void AmqpPublisher::look_for_silence(SteadyTime now) {
  if (in_flight_.empty()) return;
  for (const auto& [tag, message] : in_flight_) {
    if (now - message->sent < options().silent) break;
    if (!std::exchange(message->late, true)) paused_.silent(*message, now);
  }
  const Pending& oldest = *in_flight_.begin()->second;
  if (now - oldest.sent < renew_after_) {
    if (paused_.empty()) renew_after_ = options().renewal;
    return;
  }
  const auto seconds = std::chrono::duration_cast<Seconds>(now - oldest.sent).count();
  renew_after_ = std::min(renew_after_ * 2, options().renewal * kMostRenewals);
  connection()->fail(BrokerError(fmt::format(
      "the broker has not confirmed message {} to '{}' for {} s: it is sent again on a new connection",
      oldest.what.message_id, oldest.what.routing_key, seconds)));
}

// It becomes a dead letter, and who waits for it hears why.
void AmqpPublisher::undeliverable(PendingAt message, const std::string& why) {
  if (message->what.kind == Outgoing::Kind::last_word) return remove(message);
  if (message->what.kind == Outgoing::Kind::reply) {
    add({.what = last_word_of(message->what, why)});
  }
  bury(message, why);
}

}  // namespace elves::broker
