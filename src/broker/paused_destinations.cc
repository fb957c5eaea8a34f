#include "broker/paused_destinations.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace elves::broker {
namespace {

constexpr Millis kCalm{10000};       // without a refusal, then a destination counts as served again
constexpr Millis kForgotten{60000};  // with nothing to send, then nobody knows how it would be served
constexpr std::size_t kWidest = std::size_t{1} << 20;
constexpr std::size_t kMany = 20;  // destinations; beyond, not each has a line in the log

}  // namespace

std::string PausedDestinations::text_of(const Name& name) {
  if (!name.routing_key) {
    return name.exchange.empty() ? "the default exchange" : fmt::format("exchange '{}'", name.exchange);
  }
  if (name.exchange.empty()) return fmt::format("queue '{}'", *name.routing_key);
  return fmt::format("'{}' on exchange '{}'", *name.routing_key, name.exchange);
}

PausedDestinations::At PausedDestinations::find(const Outgoing& what) {
  if (exchanges_ > 0) {
    const auto whole = destinations_.find(Name{what.exchange, std::nullopt});
    if (whole != destinations_.end()) return whole;
  }
  return destinations_.find(Name{what.exchange, what.routing_key});
}

PausedDestinations::At PausedDestinations::pause(Name name, const std::string& why, SteadyTime now) {
  const auto [at, is_new] = destinations_.try_emplace(std::move(name));
  if (!is_new) return at;
  at->second.begun = at->second.pause_until = now;
  if (!at->first.routing_key) ++exchanges_;
  const auto held = destinations_.size() > kMany ? many_.pass(now) : std::optional<std::size_t>(0);
  if (held) {
    log::warn(
        "publisher: {}; what goes to {} waits, and is tried again after growing pauses; all else goes on{}",
        why, text_of(at->first), and_more(*held));
  }
  return at;
}

bool PausedDestinations::keep(PendingAt message, SteadyTime now) {
  const auto at = find(message->what);
  if (at == destinations_.end() || (at->second.taking && at->second.waiting.empty())) return false;
  wait(at, message, now);
  return true;
}

// A last word has the time for one more attempt.
Millis PausedDestinations::patience_for(Outgoing::Kind kind) const {
  switch (kind) {
    case Outgoing::Kind::reply:
    case Outgoing::Kind::acceptance:
      return patience_.reply;
    case Outgoing::Kind::last_word:
      return patience_.reply + kMost;
    default:
      return patience_.other;
  }
}

void PausedDestinations::wait(At at, PendingAt message, SteadyTime now) {
  Destination& destination = at->second;
  if (!message->give_up) message->give_up = now + patience_for(message->what.kind);
  destination.give_up =
      destination.give_up ? std::min(*destination.give_up, *message->give_up) : message->give_up;
  const auto place = std::ranges::lower_bound(destination.waiting, message->number, {},
                                              [](PendingAt other) { return other->number; });
  destination.waiting.insert(place, message);
  ++waiting_;
  schedule(at);
}

// Its place among those that have something to send.
void PausedDestinations::schedule(At at) {
  auto& [name, destination] = *at;
  if (destination.turn) turns_.erase({*destination.turn, &name});
  destination.turn.reset();
  if (destination.waiting.empty() || destination.in_flight >= destination.window) return;
  destination.turn = destination.pause_until;
  turns_.emplace(*destination.turn, &name);
}

std::optional<SteadyTime> PausedDestinations::due() const {
  return turns_.empty() ? std::nullopt : std::optional(turns_.begin()->first);
}

std::optional<PendingAt> PausedDestinations::next(SteadyTime now) {
  if (turns_.empty() || turns_.begin()->first > now) return std::nullopt;
  const auto at = destinations_.find(*turns_.begin()->second);
  Destination& destination = at->second;
  const PendingAt message = destination.waiting.front();
  destination.waiting.pop_front();
  --waiting_;
  ++destination.in_flight;
  message->paced = true;
  schedule(at);
  return message;
}

void PausedDestinations::withdrawn(Pending& message) {
  const auto at = find(message.what);
  if (!std::exchange(message.paced, false) || at == destinations_.end()) return;
  --at->second.in_flight;
  schedule(at);
}

void PausedDestinations::confirmed(const Pending& message, SteadyTime now) {
  const auto at = find(message.what);
  if (at == destinations_.end()) return;
  Destination& destination = at->second;
  if (message.paced) --destination.in_flight;
  destination.window = std::clamp<std::size_t>(destination.window * 2, 1, kWidest);
  destination.taking = true;
  destination.pause_until = now;
  destination.backoff.reset();
  schedule(at);
}

void PausedDestinations::refused(PendingAt message, const std::string& why, SteadyTime now) {
  auto at = find(message->what);
  if (at == destinations_.end()) at = pause({message->what.exchange, message->what.routing_key}, why, now);
  if (std::exchange(message->paced, false)) --at->second.in_flight;
  shut(at, now);
  wait(at, message, now);
}

void PausedDestinations::forbidden(const Forbidden& place, const std::string& why, SteadyTime now) {
  shut(pause({place.exchange, place.routing_key}, why, now), now);
}

void PausedDestinations::silent(const Pending& message, SteadyTime now) {
  auto at = find(message.what);
  if (at == destinations_.end()) {
    const std::string why =
        "the broker has not confirmed a message for 30 s: a queue has lost its majority, or stands still";
    at = pause({message.what.exchange, message.what.routing_key}, why, now);
  }
  at->second.window = 0;
  at->second.taking = false;
  at->second.last_trouble = now;
  schedule(at);
}

// Those that were refused together cost one pause.
void PausedDestinations::shut(At at, SteadyTime now) {
  Destination& destination = at->second;
  destination.window = 1;
  destination.taking = false;
  destination.last_trouble = now;
  ++destination.refusals;
  if (now >= destination.pause_until) destination.pause_until = now + destination.backoff.next();
  schedule(at);
}

std::vector<PendingAt> PausedDestinations::give_up(SteadyTime now) {
  std::vector<PendingAt> given_up;
  for (auto at = destinations_.begin(); at != destinations_.end(); ++at) {
    Destination& destination = at->second;
    if (!destination.give_up || now < *destination.give_up) continue;
    destination.give_up.reset();
    std::erase_if(destination.waiting, [&](PendingAt message) {
      const bool over = now >= *message->give_up;
      if (over) given_up.push_back(message);
      const auto next = destination.give_up.value_or(*message->give_up);
      if (!over) destination.give_up = std::min(next, *message->give_up);
      return over;
    });
    schedule(at);
  }
  waiting_ -= given_up.size();
  return given_up;
}

void PausedDestinations::begin_again(SteadyTime now) {
  turns_.clear();
  waiting_ = 0;
  for (auto& [name, destination] : destinations_) {
    destination.waiting.clear();
    destination.in_flight = 0;
    destination.turn.reset();
    destination.give_up.reset();
    if (destination.taking) continue;
    if (destination.window == 0) destination.pause_until = now + destination.backoff.next();
    destination.window = 1;
    destination.last_trouble = now;
  }
}

void PausedDestinations::look(SteadyTime now) {
  std::erase_if(destinations_, [&](const auto& entry) {
    const auto& [name, destination] = entry;
    if (!destination.waiting.empty() || destination.in_flight > 0) return false;
    if (now - destination.last_trouble < (destination.taking ? kCalm : kForgotten)) return false;
    if (!name.routing_key) --exchanges_;
    const auto seconds = std::chrono::duration_cast<Seconds>(now - destination.begun).count();
    const auto held = destinations_.size() > kMany ? many_.pass(now) : std::optional<std::size_t>(0);
    if (held) {
      log::info("publisher: {} {}, after {} s and {} refusals{}", text_of(name),
                destination.taking ? "is served again" : "has nothing left that waits for it", seconds,
                destination.refusals, and_more(*held));
    }
    return true;
  });
}

}  // namespace elves::broker
