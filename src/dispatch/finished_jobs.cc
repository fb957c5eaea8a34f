#include "dispatch/finished_jobs.h"

#include <algorithm>
#include <functional>

namespace elves {
namespace {

std::size_t digest_of(const WorkerAnswer& answer) {
  const std::size_t numbers =
      static_cast<std::uint32_t>(answer.costtime) * 31U + static_cast<std::uint32_t>(answer.flag);
  return std::hash<std::string>{}(answer.result) ^ (numbers * 0x9E3779B97F4A7C15U);
}

}  // namespace

void FinishedJobs::add(const JobPtr& job, const Outcome& outcome) {
  if (capacity_ == 0) return;
  const std::string wire_id = job->wire_id();
  auto at = find(wire_id, job->log_id);
  if (at == order_.end()) {
    if (order_.size() >= capacity_) forget_oldest();
    at = order_.insert(at, Finished{nullptr, {}, wire_id, job->agent_ip, job->log_id, job->type, false, 0});
    by_wire_id_.emplace(wire_id, at);
  }
  at->has_result = outcome.worker.has_value();
  at->digest = at->has_result ? digest_of(*outcome.worker) : 0;
  at->job = at->has_result ? nullptr : job;
  at->outcome = at->has_result ? Outcome{} : outcome;
}

FinishedJobs::Order::iterator FinishedJobs::find(const std::string& wire_id, LogId id) {
  const auto [first, last] = by_wire_id_.equal_range(wire_id);
  const auto at = std::find_if(first, last, [id](const auto& entry) { return entry.second->log_id == id; });
  return at == last ? order_.end() : at->second;
}

FinishedJobs::Match FinishedJobs::match(const AgentResult& result) const {
  const auto exec_id = LogId::parse(result.exec_id);
  const Finished* late = nullptr;
  const auto [first, last] = by_wire_id_.equal_range(result.id);
  for (auto at = first; at != last; ++at) {
    const Finished& finished = *at->second;
    if (exec_id && finished.log_id != *exec_id) continue;
    if (!result.ip.empty() && result.ip != finished.agent_ip) continue;
    if (!finished.has_result) {
      late = &finished;
    } else if (exec_id || finished.type != JobType::cron || finished.digest == digest_of(result.answer)) {
      return {Verdict::duplicate, finished.log_id, nullptr, {}};
    }
  }
  if (!late) return {};
  return {Verdict::late, late->log_id, late->job, late->outcome};
}

bool FinishedJobs::knows_queue_task(const std::string& wire_id) const {
  const auto [first, last] = by_wire_id_.equal_range(wire_id);
  for (auto at = first; at != last; ++at) {
    if (at->second->type == JobType::queue) return true;
  }
  return false;
}

void FinishedJobs::forget_oldest() {
  const auto [first, last] = by_wire_id_.equal_range(order_.front().wire_id);
  for (auto at = first; at != last; ++at) {
    if (at->second == order_.begin()) {
      by_wire_id_.erase(at);
      break;
    }
  }
  order_.pop_front();
}

}  // namespace elves
