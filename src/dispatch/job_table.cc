#include "dispatch/job_table.h"

#include <utility>

namespace elves {

OpenJob& JobTable::add(JobPtr job, std::uint64_t fingerprint, std::optional<DeliveryRef> delivery) {
  const LogId id = job->log_id;
  OpenJob& open = jobs_[id];
  open.fingerprint = fingerprint;
  open.delivery = delivery;
  if (fingerprint != 0) by_fingerprint_.emplace(fingerprint, id);
  if (!job->synchronous()) by_wire_id_[job->wire_id()].push_back(id);
  open.job = std::move(job);
  return open;
}

OpenJob* JobTable::find(LogId id) {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

void JobTable::erase(LogId id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  const OpenJob& open = at->second;
  auto [first, last] = by_fingerprint_.equal_range(open.fingerprint);
  while (first != last && first->second != id) ++first;
  if (first != last) by_fingerprint_.erase(first);
  if (!open.job->synchronous()) {
    const auto listed = by_wire_id_.find(open.job->wire_id());
    listed->second.remove(id);
    if (listed->second.empty()) by_wire_id_.erase(listed);
  }
  jobs_.erase(at);
}

OpenJob* JobTable::find_redelivered(std::uint64_t fingerprint, DeliveryRef again) {
  const auto [first, last] = by_fingerprint_.equal_range(fingerprint);
  for (auto at = first; at != last; ++at) {
    OpenJob* open = find(at->second);
    if (!open->delivery || open->delivery->epoch != again.epoch) return open;
  }
  return nullptr;
}

template <class Wanted>
OpenJob* JobTable::first_by_wire_id(const std::string& wire_id, Wanted wanted) {
  const auto listed = by_wire_id_.find(wire_id);
  if (listed == by_wire_id_.end()) return nullptr;
  for (const LogId id : listed->second) {
    OpenJob* open = find(id);
    if (wanted(*open)) return open;
  }
  return nullptr;
}

OpenJob* JobTable::find_awaiting(const AgentResult& result) {
  const auto unsettled = [](const OpenJob& open) {
    return open.state == JobState::received || open.state == JobState::accepted;
  };
  if (const auto id = LogId::parse(result.exec_id)) {
    OpenJob* open = find(*id);
    return open && !open->job->synchronous() && unsettled(*open) ? open : nullptr;
  }
  return first_by_wire_id(result.id, [&](const OpenJob& open) {
    return unsettled(open) && (result.ip.empty() || result.ip == open.job->agent_ip);
  });
}

OpenJob* JobTable::find_queue_task(const std::string& wire_id) {
  return first_by_wire_id(wire_id, [](const OpenJob& open) { return open.job->type == JobType::queue; });
}

std::vector<LogId> JobTable::ids() const {
  std::vector<LogId> all;
  all.reserve(jobs_.size());
  for (const auto& [id, open] : jobs_) all.push_back(id);
  return all;
}

}  // namespace elves
