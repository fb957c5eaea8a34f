// The agent's state while its file cannot be written.
#include <algorithm>
#include <utility>

#include "worker/state.h"

namespace elves::worker {
namespace {

constexpr std::size_t kMostLoaded = 256;                     // results at a time
constexpr std::size_t kMostLoadedBytes = 8UL * 1024 * 1024;  // a further one is not begun

}  // namespace

template <class Kind>
const Kind* State::pending(Number number) const {
  for (const auto& change : pending_) {
    const auto* one = std::get_if<Kind>(&change);
    if (one != nullptr && one->number == number) return one;
  }
  return nullptr;
}

// While it cannot be written: takes nothing new, and lets the loop see the ends.
void State::refuse() {
  News news;
  bool ends = false;
  std::vector<Change> kept;
  std::swap(kept, pending_);
  for (auto& change : kept) {
    if (auto* take = std::get_if<Take>(&change)) {
      std::vector<Decision> decisions;
      decisions.reserve(take->offers.size());
      for (const auto& offer : take->offers) decisions.push_back(decide_unwritten(offer));
      news.emplace_back([done = std::move(take->done), decisions = std::move(decisions)]() mutable {
        done(std::move(decisions));
      });
      continue;
    }
    ends = ends || std::holds_alternative<End>(change);
    pending_.push_back(std::move(change));
  }
  if (ends) news.emplace_back([this] { on_ended_(); });
  tell(std::move(news));
}

Decision State::decide_unwritten(const Offer& offer) {
  std::optional<Known> known;
  try {
    known = store().find(offer.instruction, clock_.wall_now());
  } catch (const std::exception& fault) {
    failed(fault, "read");
  }
  if (!known) {
    return {.kind = Decision::Kind::refused,
            .number = 0,
            .why = "overloaded: the agent's state cannot be written: " + trouble_};
  }
  if (known->reported || pending<Report>(known->number) != nullptr) {
    return {.kind = Decision::Kind::reported, .number = known->number, .why = ""};
  }
  pending_.emplace_back(Repeat{known->number});
  return {.kind = Decision::Kind::known, .number = known->number, .why = ""};
}

std::vector<UnreportedResult> State::load(const Load& load) {
  auto found = store().results(load.after, kMostLoaded, kMostLoadedBytes);
  std::erase_if(found, [this](const auto& one) { return pending<Report>(one.number) != nullptr; });
  if (found.empty()) {
    for (const auto& change : pending_) {
      const auto* end = std::get_if<End>(&change);
      if (end == nullptr || end->order <= load.after || found.size() >= kMostLoaded) continue;
      if (pending<Report>(end->number) != nullptr) continue;
      auto one = store().read(end->number);
      if (!one) continue;
      one->order = end->order;
      one->result.answer = end->answer;
      found.push_back(std::move(*one));
    }
  }
  for (auto& one : found) one.result.may_be_repeat |= pending<Repeat>(one.number) != nullptr;
  return found;
}

}  // namespace elves::worker
