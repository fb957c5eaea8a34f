#include "journal/held_entries.h"

#include <utility>

namespace elves::journal {

void HeldEntries::put(Entry entry, SteadyTime now) {
  weight_ += weight_of(entry);
  const auto [known, is_new] = by_id_.try_emplace(entry.id);
  if (is_new) {
    known->second = entries_.emplace(entries_.end(), std::move(entry), now);
  } else {
    Entry& earlier = known->second->entry;
    weight_ -= weight_of(earlier);
    earlier = std::move(entry);
  }
}

void HeldEntries::drop(LogId id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  weight_ -= weight_of(known->second->entry);
  entries_.erase(known->second);
  by_id_.erase(known);
}

void HeldEntries::take(HeldEntries& other, SteadyTime now) {
  for (Held& held : other.entries_) put(std::move(held.entry), now);
  other = {};
}

std::vector<const Entry*> HeldEntries::oldest(std::size_t count, std::size_t bytes, SteadyTime before) const {
  std::vector<const Entry*> found;
  std::size_t weight = 0;
  for (const Held& held : entries_) {
    if (held.since > before || found.size() >= count || weight >= bytes) break;
    found.push_back(&held.entry);
    weight += weight_of(held.entry);
  }
  return found;
}

SteadyTime HeldEntries::since() const {
  return entries_.empty() ? SteadyTime::max() : entries_.front().since;
}

}  // namespace elves::journal
