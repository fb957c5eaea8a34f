// The journal without a disk: everything is forgotten when the process ends.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>

#include "base/random_name.h"
#include "dispatch/ports.h"

namespace elves {

// Loop thread only. Keeps every open job, and the last of those that are over.
class MemoryJournal final : public Journal {
 public:
  // Runs an action on the loop thread, later.
  using Post = std::function<void(std::function<void()>)>;

  // How much of what is over; the first limit that is reached counts.
  struct Keep {
    std::size_t count = 100'000;
    std::size_t bytes = std::size_t{256} << 20;  // of memory, about
  };

  MemoryJournal(Keep keep, Post post) : keep_(keep), post_(std::move(post)) {}

  bool durable() const override { return false; }
  std::string instance() const override { return instance_; }
  std::string trouble() const override { return {}; }
  std::string history_trouble() const override { return {}; }
  void write(JobRecord record, Kept kept) override;
  // Nothing is left from before.
  void open_jobs(std::function<void(std::vector<JobRecord>)> found) override;
  void find(LogId id, std::function<void(std::vector<JobRecord>)> found) override;
  void list(JobFilter filter, std::function<void(std::vector<JobRecord>)> found) override;

 private:
  using Order = std::list<JobRecord>;

  void count(Order::iterator at);
  void uncount(Order::iterator at);
  bool beyond_limits() const;

  const std::string instance_ = random_name();
  const Keep keep_;
  const Post post_;
  Order order_;                      // oldest first
  std::list<Order::iterator> over_;  // likewise
  std::size_t weight_ = 0;           // of these
  std::unordered_map<LogId, Order::iterator> by_id_;
};

}  // namespace elves
