#include "worker/result_spool.h"

#include <utility>

namespace elves::worker {
namespace {

std::size_t size_of(const AgentResult& result) {
  std::size_t bytes = sizeof result + result.answer.result.size();
  for (const auto* text : {&result.id, &result.exec_id, &result.ip, &result.type, &result.mode, &result.app,
                           &result.func, &result.param, &result.proxy}) {
    bytes += text->size();
  }
  return bytes;
}

}  // namespace

void ResultSpool::push(AgentResult result) {
  bytes_ += size_of(result);
  results_.push_back(std::move(result));
}

void ResultSpool::pop() {
  bytes_ -= size_of(results_.front());
  results_.pop_front();
}

void ResultSpool::put_back() {
  auto oldest = std::move(results_.front());
  results_.pop_front();
  results_.push_back(std::move(oldest));
}

}  // namespace elves::worker
