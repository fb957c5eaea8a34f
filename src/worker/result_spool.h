// Results of asynchronous instructions that the scheduler does not have yet, oldest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "model/outcome.h"
#include "worker/execution.h"
#include "worker/state.h"

namespace elves::worker {

// A window on the results in the state: the oldest are in memory, the others stay in the file until it is
// their turn. Loop thread only.
class ResultSpool {
 public:
  // The state must outlive it and is nobody else's to listen to. Begins with what is in the file.
  explicit ResultSpool(State& state);

  // `heard` is called whenever there is something to bring where there was nothing.
  void on_more(std::function<void()> heard) { on_more_ = std::move(heard); }

  // There is none to bring now.
  bool empty() const { return window_.empty(); }
  // All of them, with those in the file only.
  std::size_t count() const { return size_; }

  // An execution has ended.
  void add(Number number, WorkerAnswer answer);
  // The execution came again: its result is to say so.
  void mark_repeated(Number number);

  // The oldest. The reference holds until pop() or put_back().
  const AgentResult& front() const { return window_.front().result; }
  // The scheduler has the oldest, with may_be_repeat if `said_repeated`.
  void pop(bool said_repeated);
  // Lets all others go before the oldest.
  void put_back();

 private:
  void fill();
  void found(std::vector<UnreportedResult> results);
  void push(UnreportedResult result);
  void drop_oldest();

  State& state_;
  std::function<void()> on_more_;
  std::deque<UnreportedResult> window_;
  std::size_t bytes_ = 0;  // of texts in the window
  std::size_t size_;
  std::int64_t loaded_ = 0;   // the order of the youngest that was in the window
  std::size_t put_back_ = 0;  // those that are not in the window though they were
  bool more_ = true;          // there may be some after loaded_
  bool loading_ = false;
};

}  // namespace elves::worker
