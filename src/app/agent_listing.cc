#include "app/agent_listing.h"

#include <algorithm>

#include "base/time_text.h"
#include "dialect/json_writer.h"
#include "registry/node_data.h"

namespace elves::app {

AgentListing::AgentListing(const AgentFilter& filter, std::vector<agent::AgentStatus> called,
                           const registry::AgentStates& states) {
  std::ranges::sort(called, {}, &agent::AgentStatus::ip);
  for (const agent::AgentStatus& one : called) {
    const auto found = states.find(one.ip);
    add(filter, {one, found == states.end() ? std::nullopt : std::optional(found->second)});
  }
  auto [at, end] =
      filter.ip.empty() ? std::pair(states.begin(), states.end()) : states.equal_range(filter.ip);
  for (; at != end && entries_.size() < filter.limit; ++at) {
    if (std::ranges::binary_search(called, at->first, {}, &agent::AgentStatus::ip)) continue;
    add(filter, {{at->first, 0, 0, 0, "closed"}, at->second});
  }
}

void AgentListing::add(const AgentFilter& filter, Entry entry) {
  const bool wanted = (filter.ip.empty() || filter.ip == entry.called.ip) &&
                      (filter.state.empty() || filter.state == entry.state());
  if (wanted && entries_.size() < filter.limit) entries_.push_back(std::move(entry));
}

std::vector<std::string> AgentListing::online() const {
  std::vector<std::string> ips;
  for (const Entry& entry : entries_) {
    if (entry.known && entry.known->online) ips.push_back(entry.called.ip);
  }
  return ips;
}

std::string AgentListing::text(const registry::Agents::Nodes& nodes) const {
  std::string all = "[";
  for (const Entry& entry : entries_) {
    const auto node = nodes.find(entry.called.ip);
    if (all.size() > 1) all += ',';
    all += entry.text(node == nodes.end() ? nullptr : &node->second);
  }
  return all + ']';
}

std::string_view AgentListing::Entry::state() const {
  if (!known) return "unknown";
  return known->online ? "online" : "offline";
}

std::string AgentListing::Entry::text(const registry::Node* node) const {
  const auto data = node ? registry::agent_data(node->data) : registry::AgentData();
  dialect::JsonWriter json(300);
  json.text("ip", called.ip);
  json.text("state", state());
  json.text("since", node ? utc_text(node->created) : known ? utc_text(known->wall_since) : "");
  json.text("reported_state", data.state);
  json.text("version", data.version);
  json.json("apps", data.apps);
  json.number("in_flight", static_cast<std::int64_t>(called.in_flight));
  json.number("waiting", static_cast<std::int64_t>(called.waiting));
  json.number("failures", called.failures);
  json.text("breaker", called.breaker);
  return std::move(json).finish();
}

}  // namespace elves::app
