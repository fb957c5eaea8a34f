// Which agents are online, as the heartbeat component tells through ZooKeeper: a node per agent.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "base/timers.h"
#include "registry/folder.h"
#include "registry/session.h"

namespace elves::registry {

// What is known of one agent. Not of one whose node was never seen.
struct AgentState {
  bool online = false;  // the node is there
  SteadyTime since{};   // seen there, or seen to be gone
  WallTime wall_since{};
};
using AgentStates = std::map<std::string, AgentState>;  // by address

// Forgets those that have been offline for longest, until at most `most` are offline.
void forget_offline(AgentStates& states, std::size_t most);

// Loop thread only. There may be a hundred thousand agents: only their list is watched; what their nodes hold
// is read when somebody asks.
class Agents final {
 public:
  Agents(FolderOptions folder, Session& session, Timers& timers, const Clock& clock, MetricsSink& metrics);

  const AgentStates& states() const { return states_; }
  std::optional<WallTime> stale_since() const { return folder_.stale_since(); }
  const std::string& trouble() const { return folder_.trouble(); }
  // Whether ZooKeeper, asked now, says the agent has been offline for longer than that. False when unknown.
  bool offline_for(const std::string& ip, Millis longer_than) const;

  // Reads the nodes of these agents: no longer than two seconds, then `done` gets what is there by then. Not
  // called when the session is closed.
  using Nodes = std::map<std::string, Node>;
  void read(std::vector<std::string> ips, std::function<void(Nodes)> done);

 private:
  struct Reading;

  void take(const std::string& ip, bool online);
  void read_on(const std::shared_ptr<Reading>& reading);
  void finish(const std::shared_ptr<Reading>& reading);

  Session& session_;
  Timers& timers_;
  const Clock& clock_;
  const std::size_t most_;
  AgentStates states_;
  std::size_t offline_ = 0;
  std::unordered_set<std::shared_ptr<Reading>> readings_;
  Folder folder_;
};

}  // namespace elves::registry
