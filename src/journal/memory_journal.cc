#include "journal/memory_journal.h"

#include <iterator>
#include <utility>

namespace elves {

void MemoryJournal::write(JobRecord record, Kept kept) {
  const LogId id = record.job->log_id;
  const bool over = record.state == JobState::published;
  auto [known, is_new] = by_id_.try_emplace(id);
  if (is_new) known->second = order_.emplace(order_.end());
  const auto at = known->second;
  if (!is_new && at->state == JobState::published) uncount(at);  // a late result opens it once more
  *at = std::move(record);
  if (over) count(at);
  while (beyond_limits()) {
    const auto oldest = over_.front();
    uncount(oldest);
    by_id_.erase(oldest->job->log_id);
    order_.erase(oldest);
  }
  if (kept) post_([kept = std::move(kept)] { kept({}); });
}

void MemoryJournal::count(Order::iterator at) {
  over_.push_back(at);
  weight_ += weight_of(*at);
}

void MemoryJournal::uncount(Order::iterator at) {
  over_.front() == at ? over_.pop_front() : static_cast<void>(over_.remove(at));
  weight_ -= weight_of(*at);
}

bool MemoryJournal::beyond_limits() const {
  return over_.size() > keep_.count || (weight_ > keep_.bytes && !over_.empty());
}

void MemoryJournal::open_jobs(std::function<void(std::vector<JobRecord>)> found) {
  post_([found = std::move(found)] { found({}); });
}

void MemoryJournal::find(LogId id, std::function<void(std::vector<JobRecord>)> found) {
  std::vector<JobRecord> records;
  if (const auto known = by_id_.find(id); known != by_id_.end()) records.push_back(*known->second);
  post_([found = std::move(found), records = std::move(records)]() mutable { found(std::move(records)); });
}

void MemoryJournal::list(JobFilter filter, std::function<void(std::vector<JobRecord>)> found) {
  std::vector<JobRecord> records;
  std::size_t weight = 0;
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
    if (records.size() >= filter.limit || weight >= filter.bytes) break;
    if (!filter.passes(*at)) continue;
    records.push_back(*at);
    weight += weight_of(*at);
  }
  post_([found = std::move(found), records = std::move(records)]() mutable { found(std::move(records)); });
}

}  // namespace elves
