#include "journal/held_records.h"

#include <utility>

namespace elves::journal {

void HeldRecords::put(JobRecord record, SteadyTime now) {
  weight_ += weight_of(record);
  const auto [known, is_new] = by_id_.try_emplace(record.job->log_id);
  if (is_new) {
    known->second = records_.emplace(records_.end(), std::move(record), now);
  } else {
    JobRecord& earlier = known->second->record;
    weight_ -= weight_of(earlier);
    earlier = std::move(record);
  }
}

void HeldRecords::drop(LogId id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  weight_ -= weight_of(known->second->record);
  records_.erase(known->second);
  by_id_.erase(known);
}

void HeldRecords::take(HeldRecords& other, SteadyTime now) {
  for (Held& held : other.records_) put(std::move(held.record), now);
  other = {};
}

std::vector<const JobRecord*> HeldRecords::oldest(std::size_t count, std::size_t bytes,
                                                  SteadyTime before) const {
  std::vector<const JobRecord*> found;
  std::size_t weight = 0;
  for (const Held& held : records_) {
    if (held.since > before || found.size() >= count || weight >= bytes) break;
    found.push_back(&held.record);
    weight += weight_of(held.record);
  }
  return found;
}

SteadyTime HeldRecords::since() const {
  return records_.empty() ? SteadyTime::max() : records_.front().since;
}

}  // namespace elves::journal
