// The newest of many jobs that come in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/job.h"

namespace elves::journal {

// So many at most, and none without which the others have the weight.
template <class Value>
class Newest {
 public:
  Newest(std::size_t most, std::size_t most_weight) : most_(most), most_weight_(most_weight) {}

  // Whether a job of that time would have a place; if not, it is one more that has none.
  bool wants(LogId id, long long created) {
    const auto known = by_id_.find(id);
    if (known != by_id_.end()) return known->second <= created;
    const bool placed = most_ > 0 && (!is_full() || entries_.begin()->first < Key(created, id.value()));
    more_ = more_ || !placed;
    return placed;
  }

  // Takes the place of an earlier one of the same job and time only if it `counts` more; of a newer one
  // never.
  void put(LogId id, long long created, bool counts, Value value, std::size_t weight) {
    const auto [known, is_new] = by_id_.try_emplace(id, created);
    if (!is_new) {
      const auto earlier = entries_.find(Key(known->second, id.value()));
      const bool stays =
          known->second == created ? earlier->second.counts && !counts : known->second > created;
      if (stays) return;
      known->second = created;
      erase(earlier);
    }
    weight_ += weight;
    entries_.emplace(Key(created, id.value()), Entry{std::move(value), weight, counts});
    while (entries_.size() > most_ || weight_without_oldest() >= most_weight_) drop_oldest();
  }

  // Whether nothing of that time or before changes anything any more.
  bool is_complete(long long created) const {
    return more_ && (entries_.empty() || (is_full() && entries_.begin()->first.first > created));
  }

  // Whether some have no place.
  bool more() const { return more_; }

  // All of them, newest first; it is empty then.
  std::vector<Value> take() {
    std::vector<Value> values;
    values.reserve(entries_.size());
    for (auto at = entries_.rbegin(); at != entries_.rend(); ++at)
      values.push_back(std::move(at->second.value));
    *this = Newest(most_, most_weight_);
    return values;
  }

 private:
  using Key = std::pair<long long, std::uint64_t>;  // created, log id
  struct Entry {
    Value value;
    std::size_t weight;
    bool counts;
  };
  using Entries = std::map<Key, Entry>;

  bool is_full() const { return entries_.size() >= most_ || weight_ >= most_weight_; }
  std::size_t weight_without_oldest() const {
    return entries_.empty() ? 0 : weight_ - entries_.begin()->second.weight;
  }
  void erase(typename Entries::iterator at) {
    weight_ -= at->second.weight;
    entries_.erase(at);
  }
  void drop_oldest() {
    more_ = true;
    by_id_.erase(LogId(entries_.begin()->first.second));
    erase(entries_.begin());
  }

  std::size_t most_;
  std::size_t most_weight_;
  std::size_t weight_ = 0;
  bool more_ = false;
  Entries entries_;
  std::unordered_map<LogId, long long> by_id_;  // created
};

}  // namespace elves::journal
