#include "registry/agent_states.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace elves::registry {
namespace {

constexpr Millis kPatience{2000};
constexpr std::size_t kAtATime = 64;

}  // namespace

struct Agents::Reading {
  std::vector<std::string> ips;  // still to be asked for, from the back
  std::size_t open = 0;
  Nodes nodes;
  std::function<void(Nodes)> done;
  Timer limit;
};

void forget_offline(AgentStates& states, std::size_t most) {
  std::vector<AgentStates::iterator> offline;
  for (auto at = states.begin(); at != states.end(); ++at) {
    if (!at->second.online) offline.push_back(at);
  }
  if (offline.size() <= most) return;
  std::ranges::sort(offline, {}, [](const auto& at) { return at->second.since; });
  offline.resize(offline.size() - most);
  for (const auto& at : offline) states.erase(at);
}

Agents::Agents(FolderOptions folder, Session& session, Timers& timers, const Clock& clock,
               MetricsSink& metrics)
    : session_(session),
      timers_(timers),
      clock_(clock),
      most_(folder.most),
      folder_(
          std::move(folder), session, timers, clock, metrics,
          [this](const std::string& ip, const std::optional<Node>& node) { take(ip, node.has_value()); },
          [] {}) {}

void Agents::take(const std::string& ip, bool online) {
  const auto [at, fresh] = states_.try_emplace(ip);
  if (!fresh && !at->second.online) --offline_;
  at->second = {online, clock_.now(), clock_.wall_now()};
  if (online || ++offline_ <= most_) return;
  forget_offline(states_, most_ / 2);
  offline_ = most_ / 2;
}

bool Agents::offline_for(const std::string& ip, Millis longer_than) const {
  if (!folder_.current()) return false;
  const auto found = states_.find(ip);
  return found != states_.end() && !found->second.online && clock_.now() - found->second.since > longer_than;
}

void Agents::read(std::vector<std::string> ips, std::function<void(Nodes)> done) {
  if (ips.empty() || !session_.connected()) return done({});
  auto reading = std::make_shared<Reading>();
  reading->ips = std::move(ips);
  reading->done = std::move(done);
  readings_.insert(reading);
  timers_.set(reading->limit, Deadline::after(clock_, kPatience),
              [this, weak = std::weak_ptr(reading)] { finish(weak.lock()); });
  read_on(reading);
}

void Agents::read_on(const std::shared_ptr<Reading>& reading) {
  Handle* const handle = session_.handle();
  while (handle && reading->open < kAtATime && !reading->ips.empty()) {
    const std::string ip = std::move(reading->ips.back());
    reading->ips.pop_back();
    ++reading->open;
    handle->get(folder_.path() + '/' + ip, false, [this, ip, weak = std::weak_ptr(reading)](Node node) {
      const auto still = weak.lock();
      if (!still) return;
      --still->open;
      if (node.status == Status::ok) still->nodes.emplace(ip, std::move(node));
      read_on(still);
    });
  }
  if (reading->open == 0) finish(reading);
}

void Agents::finish(const std::shared_ptr<Reading>& reading) {
  if (reading && readings_.erase(reading) > 0) reading->done(std::move(reading->nodes));
}

}  // namespace elves::registry
