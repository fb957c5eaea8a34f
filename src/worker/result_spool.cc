#include "worker/result_spool.h"

#include <utility>

namespace elves::worker {
namespace {

// Then the next ones are read.
constexpr std::size_t kFew = 64;
constexpr std::size_t kFewBytes = 4UL * 1024 * 1024;

std::size_t size_of(const UnreportedResult& one) {
  return one.result.param.size() + one.result.answer.result.size();
}

}  // namespace

ResultSpool::ResultSpool(State& state) : state_(state), size_(state.unreported_at_start()) {
  state_.on_ended([this] {
    more_ = true;
    fill();
  });
  state_.on_again([this](UnreportedResult result) {
    ++size_;
    push(std::move(result));
  });
  fill();
}

void ResultSpool::add(Number number, WorkerAnswer answer) {
  ++size_;
  state_.end(number, std::move(answer));
}

void ResultSpool::mark_repeated(Number number) {
  for (auto& one : window_) {
    if (one.number == number) one.result.may_be_repeat = true;
  }
}

void ResultSpool::pop(bool said_repeated) {
  state_.report(window_.front().number, said_repeated);
  drop_oldest();
  --size_;
  fill();
}

void ResultSpool::put_back() {
  drop_oldest();
  ++put_back_;
  fill();
}

// When all the others had their turn, those that were put back are read again from the start.
void ResultSpool::fill() {
  if (loading_ || window_.size() >= kFew || bytes_ >= kFewBytes) return;
  if (!more_ && put_back_ > 0 && window_.empty()) {
    put_back_ = 0;
    loaded_ = 0;
    more_ = true;
  }
  if (!more_) return;
  more_ = false;
  loading_ = true;
  state_.results(loaded_, [this](std::vector<UnreportedResult> results) { found(std::move(results)); });
}

void ResultSpool::found(std::vector<UnreportedResult> results) {
  loading_ = false;
  if (!results.empty()) more_ = true;
  for (auto& result : results) {
    loaded_ = result.order;
    push(std::move(result));
  }
  fill();
}

void ResultSpool::drop_oldest() {
  bytes_ -= size_of(window_.front());
  window_.pop_front();
}

void ResultSpool::push(UnreportedResult result) {
  bytes_ += size_of(result);
  window_.push_back(std::move(result));
  if (window_.size() == 1 && on_more_) on_more_();
}

}  // namespace elves::worker
