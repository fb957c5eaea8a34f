// Calls to one peer that wait for their turn.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "base/timers.h"

namespace elves::agent {

// In the order they came. A Call has a `deadline`; if it waits until then it leaves, and its expire() is
// called. Loop thread only; must not outlive the Timers.
template <class Call>
class Line {
 public:
  // `total` counts the calls that wait in several lines; it must outlive them.
  explicit Line(std::size_t* total = nullptr) : total_(total) {}

  bool empty() const { return places_.empty(); }
  std::size_t size() const { return places_.size(); }
  const Call& front() const { return places_.front().call; }

  // `call` is taken before the loop turns to anything else.
  void push(Call call) {
    places_.emplace_back(std::move(call));
    count(1);
  }
  void push(Call call, Timers& timers) {
    const auto at = places_.emplace(places_.end(), std::move(call));
    count(1);
    timers.set(at->expiry, at->call.deadline, [this, at] {
      Call late = std::move(at->call);
      places_.erase(at);
      count(-1);
      late.expire();
    });
  }
  Call take() {
    Call next = std::move(places_.front().call);
    places_.pop_front();
    count(-1);
    return next;
  }

 private:
  void count(int change) {
    if (total_) *total_ += static_cast<std::size_t>(change);
  }

  struct Place {
    explicit Place(Call waiting) : call(std::move(waiting)) {}
    Call call;
    Timer expiry{};
  };
  std::list<Place> places_;
  std::size_t* total_;
};

}  // namespace elves::agent
