#include "dispatch/finished_jobs.h"

#include <algorithm>
#include <functional>

namespace elves {
namespace {

constexpr std::size_t kMostOfOneId = 64;

std::size_t digest_of(const WorkerAnswer& answer) {
  const std::size_t numbers =
      static_cast<std::uint32_t>(answer.costtime) * 31U + static_cast<std::uint32_t>(answer.flag);
  return std::hash<std::string>{}(answer.result) ^ (numbers * 0x9E3779B97F4A7C15U);
}

}  // namespace

void FinishedJobs::add(const JobPtr& job, const Outcome& outcome) {
  if (capacity_ == 0) return;
  const auto known = by_log_id_.find(job->log_id);
  const auto at = known != by_log_id_.end() ? known->second : insert(*job);
  at->has_result = outcome.worker.has_value();
  at->digest = at->has_result ? digest_of(*outcome.worker) : 0;
  at->job = at->has_result ? nullptr : job;
  at->outcome = at->has_result ? Outcome{} : outcome;
  bytes_ -= at->bytes;
  at->bytes = at->has_result ? 0 : job->param.size();
  bytes_ += at->bytes;
  if (!at->has_result) without_.push_back(job->log_id);
  forget_beyond_bytes();
}

void FinishedJobs::forget_beyond_bytes() {
  while (!without_.empty()) {
    const auto oldest = by_log_id_.find(without_.front());
    const bool waits = oldest != by_log_id_.end() && oldest->second->job;
    if (waits && bytes_ <= most_bytes_) return;
    if (waits) forget(oldest->second);
    without_.pop_front();
  }
}

FinishedJobs::Order::iterator FinishedJobs::insert(const Job& job) {
  if (order_.size() >= capacity_) forget(order_.begin());
  const std::string wire_id = job.wire_id().text();
  if (const auto same = by_wire_id_.find(wire_id);
      same != by_wire_id_.end() && same->second.size() >= kMostOfOneId) {
    forget(same->second.front());
  }
  const auto at = order_.insert(order_.end(), Finished{.job = nullptr,
                                                       .outcome = {},
                                                       .wire_id = wire_id,
                                                       .agent_ip = job.agent_ip,
                                                       .log_id = job.log_id,
                                                       .type = job.type,
                                                       .request = job.request(),
                                                       .may_be_repeat = job.may_be_repeat});
  by_log_id_.emplace(job.log_id, at);
  by_wire_id_[wire_id].push_back(at);
  return at;
}

FinishedJobs::Match FinishedJobs::match(const AgentResult& result) const {
  const auto exec_id = LogId::parse(result.exec_id);
  const Finished* late = nullptr;
  const auto same = by_wire_id_.find(result.id);
  if (same == by_wire_id_.end()) return {};
  for (const auto at : same->second) {
    const Finished& finished = *at;
    if (exec_id && finished.log_id != *exec_id &&
        !same_request(finished.request, finished.may_be_repeat, result))
      continue;
    if (!result.ip.empty() && result.ip != finished.agent_ip) continue;
    if (!finished.has_result) {
      if (!late) late = &finished;
    } else if (exec_id || finished.type != JobType::cron || finished.digest == digest_of(result.answer)) {
      return {Verdict::duplicate, finished.log_id, finished.agent_ip, nullptr, {}};
    }
  }
  if (!late) return {};
  return {Verdict::late, late->log_id, late->agent_ip, late->job, late->outcome};
}

bool FinishedJobs::has_result(LogId id) const {
  const auto known = by_log_id_.find(id);
  return known != by_log_id_.end() && known->second->has_result;
}

bool FinishedJobs::knows_queue_task(const std::string& wire_id) const {
  const auto same = by_wire_id_.find(wire_id);
  return same != by_wire_id_.end() &&
         std::ranges::any_of(same->second, [](const auto at) { return at->type == JobType::queue; });
}

void FinishedJobs::forget(Order::iterator at) {
  const auto same = by_wire_id_.find(at->wire_id);
  std::erase(same->second, at);
  if (same->second.empty()) by_wire_id_.erase(same);
  by_log_id_.erase(at->log_id);
  bytes_ -= at->bytes;
  order_.erase(at);
}

}  // namespace elves
