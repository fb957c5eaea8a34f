#include "app/agent_listing.h"

#include <algorithm>

#include "base/time_text.h"
#include "dialect/json_writer.h"
#include "registry/node_data.h"

namespace elves::app {

namespace {

constexpr std::size_t kStep = 1000;

}  // namespace

AgentListing::AgentListing(AgentFilter filter, std::vector<agent::AgentStatus> called)
    : filter_(std::move(filter)), called_(std::move(called)) {
  std::ranges::sort(called_, {}, &agent::AgentStatus::ip);
}

bool AgentListing::look(const registry::AgentStates& states) {
  const auto full = [this] { return entries_.size() >= filter_.limit; };
  std::size_t step = 0;
  for (; step < kStep && looked_at_ < called_.size() && !full(); ++step) {
    const agent::AgentStatus& one = called_[looked_at_++];
    const auto found = states.find(one.ip);
    add({one, found == states.end() ? std::nullopt : std::optional(found->second)});
  }
  auto at = filter_.ip.empty() ? states.upper_bound(last_) : states.find(filter_.ip);
  for (; step < kStep && at != states.end() && !full(); ++step, ++at) {
    last_ = at->first;
    if (!is_called(at->first)) add({{at->first, 0, 0, 0, "closed"}, at->second});
    if (!filter_.ip.empty()) return false;
  }
  return step == kStep && !full();
}

bool AgentListing::is_called(const std::string& ip) const {
  return std::ranges::binary_search(called_, ip, {}, &agent::AgentStatus::ip);
}

void AgentListing::add(Entry entry) {
  const bool wanted = (filter_.ip.empty() || filter_.ip == entry.called.ip) &&
                      (filter_.state.empty() || filter_.state == entry.state());
  if (wanted) entries_.push_back(std::move(entry));
}

std::vector<std::string> AgentListing::online() const {
  std::vector<std::string> ips;
  for (const Entry& entry : entries_) {
    if (entry.known && entry.known->online) ips.push_back(entry.called.ip);
  }
  return ips;
}

std::string AgentListing::text(const AgentNodes& nodes) const {
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
