#include "broker/request_channel.h"

#include <algorithm>
#include <utility>

namespace elves::broker {

void RequestChannel::begin(std::string tag, std::size_t prefetch) {
  tag_ = std::move(tag);
  prefetch_ = prefetch;
  begun_after_ = newest_;
  own_open_ = 0;
}

std::size_t RequestChannel::room() const {
  return consumes() && own_open_ < prefetch_ ? prefetch_ - own_open_ : 0;
}

void RequestChannel::delivered(std::uint64_t tag) {
  newest_ = tag;
  ++open_;
  ++own_open_;
}

void RequestChannel::tell(const Tell& tell) {
  if (waiting_.empty()) return;
  std::ranges::sort(waiting_);
  open_ -= waiting_.size();
  own_open_ -= static_cast<std::size_t>(waiting_.end() - std::ranges::upper_bound(waiting_, begun_after_));
  std::uint64_t end_of_run = 0;
  auto next = waiting_.begin();
  for (;;) {
    if (next != waiting_.end() && *next == run_ + 1) {
      end_of_run = run_ = *next++;
    } else if (!beyond_run_.empty() && *beyond_run_.begin() == run_ + 1) {
      run_ = *beyond_run_.begin();
      beyond_run_.erase(beyond_run_.begin());
    } else {
      break;
    }
  }
  if (end_of_run != 0) tell(end_of_run, true);
  for (; next != waiting_.end(); ++next) {
    tell(*next, false);
    beyond_run_.insert(*next);
  }
  waiting_.clear();
}

}  // namespace elves::broker
