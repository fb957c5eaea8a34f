#include "journal/held_records.h"

#include <utility>

namespace elves::journal {

std::size_t HeldRecords::put(JobRecord record) {
  const auto [known, is_new] = by_id_.try_emplace(record.job->log_id);
  if (is_new) known->second = records_.emplace(records_.end());
  *known->second = std::move(record);
  if (records_.size() <= most_) return 0;
  drop(records_.front().job->log_id);
  return 1;
}

void HeldRecords::drop(LogId id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  records_.erase(known->second);
  by_id_.erase(known);
}

std::vector<const JobRecord*> HeldRecords::oldest(std::size_t count) const {
  std::vector<const JobRecord*> found;
  for (auto at = records_.begin(); at != records_.end() && found.size() < count; ++at) found.push_back(&*at);
  return found;
}

}  // namespace elves::journal
