// Entries that wait in memory: for company, or for the journal to recover.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "journal/rows.h"

namespace elves::journal {

// The latest entry of each log id, in the order in which the first of each came.
class HeldEntries {
 public:
  // Keeps the entry, in the place of an earlier one of its log id. `now` never goes back.
  void put(Entry entry, SteadyTime now);
  // Forgets what is held of this log id, if anything.
  void drop(LogId id);
  // All of `other`, which are put here as if they came now; it is empty then.
  void take(HeldEntries& other, SteadyTime now);
  // Up to `count` of the oldest, some `bytes` of them, of log ids that are held since `before` or longer;
  // valid until the next put() or drop().
  std::vector<const Entry*> oldest(std::size_t count, std::size_t bytes, SteadyTime before) const;
  // Since when the oldest is held; SteadyTime::max() when nothing is.
  SteadyTime since() const;
  std::size_t weight() const { return weight_; }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  struct Held {
    Entry entry;
    SteadyTime since;
  };
  using Entries = std::list<Held>;

  Entries entries_;
  std::size_t weight_ = 0;
  std::unordered_map<LogId, Entries::iterator> by_id_;
};

}  // namespace elves::journal
