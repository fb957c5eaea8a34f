// The journal without a disk: everything is forgotten when the process ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random_name.h"
#include "base/side_thread.h"
#include "journal/readable_journal.h"
#include "journal/rows.h"

namespace elves {

// Loop thread only; a thread of its own reads what people ask for. Keeps every open job, and the last of
// those that are over.
class MemoryJournal final : public ReadableJournal {
 public:
  // Runs an action on the loop thread, later.
  using Post = std::function<void(std::function<void()>)>;

  // How much of what is over; the first limit that is reached counts.
  struct Keep {
    std::size_t count = 100'000;
    std::size_t bytes = std::size_t{256} << 20;  // of memory, about
  };

  MemoryJournal(Keep keep, Post post) : keep_(keep), post_(std::move(post)) {}
  MemoryJournal(const MemoryJournal&) = delete;
  MemoryJournal& operator=(const MemoryJournal&) = delete;
  ~MemoryJournal() override;

  bool durable() const override { return false; }
  std::string instance() const override { return instance_; }
  std::string trouble() const override { return {}; }
  std::string history_trouble() const override { return {}; }
  void write(JobRecord record, Kept kept) override;
  // Nothing is left from before.
  void open_jobs(std::function<void(std::vector<JobRecord>)> found) override;
  void finished(std::size_t count, std::size_t bytes,
                std::function<void(std::vector<JobRecord>)> found) override;
  void find(LogId id, Show show, std::function<void(Result<std::optional<std::string>>)> found) override;
  void list(JobFilter filter, Show show, std::function<void(JobList)> found) override;

 private:
  using RecordPtr = std::shared_ptr<const JobRecord>;
  using Key = std::pair<long long, std::uint64_t>;  // Moments, log id
  using Order = std::map<Key, RecordPtr>;

  void put(const RecordPtr& record);
  void count(Order::iterator at);
  void uncount(Order::iterator at);
  bool beyond_limits() const;
  std::vector<RecordPtr> some_before(Key& at, const JobFilter& filter);

  const std::string instance_ = random_name();
  const Keep keep_;
  const Post post_;
  std::mutex mutex_;  // of what follows; held for a moment only
  journal::Moments moments_;
  Order order_;                      // oldest first
  std::list<Order::iterator> over_;  // as they ended
  std::size_t weight_ = 0;           // of these
  std::unordered_map<LogId, Order::iterator> by_id_;
  SideThread reading_;
};

}  // namespace elves
