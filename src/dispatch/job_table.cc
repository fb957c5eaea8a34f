#include "dispatch/job_table.h"

#include <algorithm>
#include <utility>

namespace elves {

OpenJob& JobTable::add(JobPtr job, std::optional<DeliveryRef> delivery) {
  OpenJob& open = jobs_[job->log_id];
  open.delivery = delivery;
  open.fingerprint_entry = by_fingerprint_.emplace(job->fingerprint, &open);
  if (!job->synchronous()) open.wire_id_entry = by_wire_id_.emplace(job->wire_id().text(), &open);
  open.job = std::move(job);
  weigh(open);
  return open;
}

void JobTable::weigh(OpenJob& open) {
  bytes_ -= open.bytes;
  open.bytes = open.job->param.size() + (open.outcome.worker ? open.outcome.worker->result.size() : 0);
  bytes_ += open.bytes;
}

OpenJob* JobTable::find(LogId id) {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

void JobTable::erase(LogId id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  bytes_ -= at->second.bytes;
  by_fingerprint_.erase(at->second.fingerprint_entry);
  if (!at->second.job->synchronous()) by_wire_id_.erase(at->second.wire_id_entry);
  jobs_.erase(at);
}

OpenJob* JobTable::find_redelivered(std::uint64_t fingerprint, DeliveryRef again) {
  const auto [first, last] = by_fingerprint_.equal_range(fingerprint);
  const auto found = std::find_if(first, last, [again](const auto& entry) {
    const OpenJob& open = *entry.second;
    return open.delivery ? open.delivery->epoch != again.epoch : open.recovered;
  });
  return found == last ? nullptr : found->second;
}

template <class Wanted>
OpenJob* JobTable::first_by_wire_id(const std::string& wire_id, Wanted wanted) {
  const auto [first, last] = by_wire_id_.equal_range(wire_id);
  const auto found = std::find_if(first, last, [&](const auto& entry) { return wanted(*entry.second); });
  return found == last ? nullptr : found->second;
}

OpenJob* JobTable::find_awaiting(const AgentResult& result) {
  const auto unsettled = [](const OpenJob& open) {
    return open.state == JobState::received || open.state == JobState::accepted || open.handed_back;
  };
  const auto exec_id = LogId::parse(result.exec_id);
  if (OpenJob* open = exec_id ? find(*exec_id) : nullptr) {
    return !open->job->synchronous() && unsettled(*open) ? open : nullptr;
  }
  return first_by_wire_id(result.id, [&](const OpenJob& open) {
    return unsettled(open) && (result.ip.empty() || result.ip == open.job->agent_ip) &&
           (!exec_id || same_request(open.job->request(), open.job->may_be_repeat, result));
  });
}

OpenJob* JobTable::find_unsettled(const AgentResult& result) {
  const auto exec_id = LogId::parse(result.exec_id);
  if (OpenJob* open = exec_id ? find(*exec_id) : nullptr) return open;
  return first_by_wire_id(result.id, [](const OpenJob& open) { return open.state != JobState::settled; });
}

OpenJob* JobTable::find_queue_task(const std::string& wire_id) {
  return first_by_wire_id(wire_id, [](const OpenJob& open) { return open.job->type == JobType::queue; });
}

bool JobTable::any_of(const std::function<bool(const OpenJob&)>& wanted) const {
  return std::ranges::any_of(jobs_, [&](const auto& entry) { return wanted(entry.second); });
}

void JobTable::for_each(const std::function<void(const OpenJob&)>& action) const {
  for (const auto& [id, open] : jobs_) action(open);
}

std::vector<LogId> JobTable::ids() const {
  std::vector<LogId> all;
  all.reserve(jobs_.size());
  for (const auto& [id, open] : jobs_) all.push_back(id);
  return all;
}

}  // namespace elves
