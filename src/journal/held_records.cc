#include "journal/held_records.h"

#include <utility>

namespace elves::journal {

std::size_t weight_of(const JobRecord& record) {
  constexpr std::size_t without_text = 512;
  const std::size_t result = record.outcome.worker ? record.outcome.worker->result.size() : 0;
  return without_text + record.job->param.size() + result;
}

std::size_t HeldRecords::put(JobRecord record, SteadyTime now) {
  weight_ += weight_of(record);
  const auto [known, is_new] = by_id_.try_emplace(record.job->log_id);
  if (is_new) {
    known->second = records_.emplace(records_.end(), std::move(record), now);
  } else {
    JobRecord& earlier = known->second->record;
    weight_ -= weight_of(earlier);
    earlier = std::move(record);
  }
  if (records_.size() <= most_) return 0;
  drop(records_.front().record.job->log_id);
  return 1;
}

void HeldRecords::drop(LogId id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  weight_ -= weight_of(known->second->record);
  records_.erase(known->second);
  by_id_.erase(known);
}

std::vector<const JobRecord*> HeldRecords::oldest(std::size_t count, SteadyTime before) const {
  std::vector<const JobRecord*> found;
  for (auto at = records_.begin(); at != records_.end() && at->since <= before && found.size() < count;
       ++at) {
    found.push_back(&at->record);
  }
  return found;
}

SteadyTime HeldRecords::since() const {
  return records_.empty() ? SteadyTime::max() : records_.front().since;
}

}  // namespace elves::journal
