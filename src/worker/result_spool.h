// Results of asynchronous instructions that the scheduler does not have yet, oldest first.
#pragma once

#include <cstddef>
#include <deque>

#include "model/outcome.h"

namespace elves::worker {

struct SpoolLimits {
  std::size_t max_results = 20000;
  std::size_t max_bytes = 256UL * 1024 * 1024;
};

// In memory: what is in it when the program ends is lost. Loop thread only.
class ResultSpool {
 public:
  explicit ResultSpool(SpoolLimits limits) : limits_(limits) {}

  // No further instruction must be taken. push() still keeps the results of those taken before.
  bool full() const { return results_.size() >= limits_.max_results || bytes_ >= limits_.max_bytes; }
  bool empty() const { return results_.empty(); }
  std::size_t size() const { return results_.size(); }

  void push(AgentResult result);
  // The oldest. The reference holds until pop() or put_back().
  const AgentResult& front() const { return results_.front(); }
  // Forgets the oldest.
  void pop();
  // Makes the oldest the youngest, so that others get their turn.
  void put_back();

 private:
  const SpoolLimits limits_;
  std::deque<AgentResult> results_;
  std::size_t bytes_ = 0;
};

}  // namespace elves::worker
