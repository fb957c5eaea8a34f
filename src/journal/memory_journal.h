// The journal without a disk: everything is forgotten when the process ends.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>

#include "base/random_name.h"
#include "dispatch/ports.h"

namespace elves {

// Loop thread only. Keeps every open job, and the last `history` that are over.
class MemoryJournal final : public Journal {
 public:
  // Runs an action on the loop thread, later.
  using Post = std::function<void(std::function<void()>)>;

  MemoryJournal(std::size_t history, Post post) : history_(history), post_(std::move(post)) {}

  bool durable() const override { return false; }
  std::string instance() const override { return instance_; }
  std::string trouble() const override { return {}; }
  void write(JobRecord record, Kept kept) override;
  // Nothing is left from before.
  void open_jobs(std::function<void(std::vector<JobRecord>)> found) override;
  void find(LogId id, std::function<void(std::vector<JobRecord>)> found) override;
  void list(JobFilter filter, std::function<void(std::vector<JobRecord>)> found) override;

 private:
  using Order = std::list<JobRecord>;

  const std::string instance_ = random_name();
  const std::size_t history_;
  const Post post_;
  Order order_;                      // oldest first
  std::list<Order::iterator> over_;  // likewise
  std::unordered_map<LogId, Order::iterator> by_id_;
};

}  // namespace elves
