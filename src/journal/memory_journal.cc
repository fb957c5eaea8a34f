#include "journal/memory_journal.h"

#include <chrono>
#include <limits>

namespace elves {
namespace {

constexpr Millis kPatience{10'000};  // for what is being read at the end
constexpr std::size_t kStep = 256;   // jobs that are looked at before a write gets its turn

}  // namespace

MemoryJournal::~MemoryJournal() { reading_.finish(kPatience); }

void MemoryJournal::write(JobRecord record, Kept kept) {
  put(std::make_shared<const JobRecord>(std::move(record)));
  if (kept) post_([kept = std::move(kept)] { kept({}); });
}

void MemoryJournal::put(const RecordPtr& record) {
  using std::chrono::microseconds;
  const LogId id = record->job->log_id;
  const std::lock_guard lock(mutex_);
  auto [known, is_new] = by_id_.try_emplace(id);
  if (is_new) {
    const auto begun =
        std::chrono::duration_cast<microseconds>(record->outcome.started.time_since_epoch()).count();
    known->second = order_.emplace(Key(moments_.of(begun), id.value()), nullptr).first;
  }
  const auto at = known->second;
  if (!is_new && at->second->state == JobState::published) uncount(at);  // a late result opens it once more
  at->second = record;
  if (record->state == JobState::published) count(at);
  while (beyond_limits()) {
    const auto oldest = over_.front();
    uncount(oldest);
    by_id_.erase(oldest->second->job->log_id);
    order_.erase(oldest);
  }
}

void MemoryJournal::count(Order::iterator at) {
  over_.push_back(at);
  weight_ += weight_of(*at->second);
}

void MemoryJournal::uncount(Order::iterator at) {
  over_.front() == at ? over_.pop_front() : static_cast<void>(over_.remove(at));
  weight_ -= weight_of(*at->second);
}

bool MemoryJournal::beyond_limits() const {
  return over_.size() > keep_.count || (weight_ > keep_.bytes && !over_.empty());
}

void MemoryJournal::open_jobs(std::function<void(std::vector<JobRecord>)> found) {
  post_([found = std::move(found)] { found({}); });
}

// A start finds none.
void MemoryJournal::finished(std::size_t /*count*/, std::size_t /*bytes*/,
                             std::function<void(std::vector<JobRecord>)> found) {
  open_jobs(std::move(found));
}

void MemoryJournal::find(LogId id, Show show, std::function<void(Result<std::optional<std::string>>)> found) {
  const std::lock_guard lock(mutex_);
  const auto known = by_id_.find(id);
  const RecordPtr record = known == by_id_.end() ? nullptr : known->second->second;
  reading_.run([record, show = std::move(show), found = std::move(found)] {
    found(record ? std::optional(show(*record)) : std::nullopt);
  });
}

void MemoryJournal::list(JobFilter filter, Show show, std::function<void(JobList)> found) {
  reading_.run([this, filter = std::move(filter), show = std::move(show), found = std::move(found)] {
    JobList list;
    std::size_t bytes = 0;
    Key at(std::numeric_limits<long long>::max(), 0);
    const Key beginning;
    while (!list.more && at != beginning) {
      for (const RecordPtr& record : some_before(at, filter)) {
        list.more = list.shown.size() >= filter.limit || bytes >= filter.bytes;
        if (list.more) break;
        list.shown.push_back(show(*record));
        bytes += list.shown.back().size();
      }
    }
    found(std::move(list));
  });
}

// Those that the filter lets through of the next few before `at`, newest first. `at` is then the last that
// was looked at, Key() when there was none.
std::vector<MemoryJournal::RecordPtr> MemoryJournal::some_before(Key& at, const JobFilter& filter) {
  std::vector<RecordPtr> found;
  const std::lock_guard lock(mutex_);
  auto next = order_.lower_bound(at);
  at = Key();
  for (std::size_t step = 0; step < kStep && next != order_.begin(); ++step) {
    --next;
    at = next->first;
    if (filter.passes(*next->second)) found.push_back(next->second);
  }
  return found;
}

}  // namespace elves
