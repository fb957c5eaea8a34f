// Records that could not be written yet, waiting in memory for the journal to recover.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <vector>

#include "dispatch/ports.h"

namespace elves::journal {

// The latest record of each log id, oldest first, at most `most` of them.
class HeldRecords {
 public:
  explicit HeldRecords(std::size_t most) : most_(most) {}

  // Keeps the record, in the place of an earlier one of its log id. Answers how many of the oldest it had to
  // drop.
  std::size_t put(JobRecord record);
  // Forgets what is held of this log id, if anything.
  void drop(LogId id);
  // Up to `count` of the oldest; valid until the next put() or drop().
  std::vector<const JobRecord*> oldest(std::size_t count) const;
  std::size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }

 private:
  using Records = std::list<JobRecord>;

  const std::size_t most_;
  Records records_;
  std::unordered_map<LogId, Records::iterator> by_id_;
};

}  // namespace elves::journal
