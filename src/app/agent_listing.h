// The agents that somebody asks about, put together from what the pool and what ZooKeeper know.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/agent_pool.h"
#include "registry/agent_states.h"

namespace elves::app {

struct AgentFilter {
  std::string state;  // online, offline, unknown; "" = any
  std::string ip;     // "" = any
  std::size_t limit = 100;
};

// What the nodes of agents hold, by address.
using AgentNodes = registry::Agents::Nodes;

// Those that are called come first; each kind by address. There may be a hundred thousand: only look() is for
// the loop, in small steps. One thread at a time.
class AgentListing {
 public:
  // Sorts.
  AgentListing(AgentFilter filter, std::vector<agent::AgentStatus> called);

  // Takes over from `states` what is wanted of it, a step at a time. Whether there is more to do.
  bool look(const registry::AgentStates& states);
  // Those whose nodes say more about them.
  std::vector<std::string> online() const;
  // A JSON array, with what was found in the nodes.
  std::string text(const AgentNodes& nodes) const;

 private:
  struct Entry {
    agent::AgentStatus called;
    std::optional<registry::AgentState> known;

    std::string_view state() const;
    std::string text(const registry::Node* node) const;
  };
  void add(Entry entry);
  bool is_called(const std::string& ip) const;

  AgentFilter filter_;
  std::vector<agent::AgentStatus> called_;
  std::size_t looked_at_ = 0;  // of these
  std::string last_;           // likewise of the states
  std::vector<Entry> entries_;
};

}  // namespace elves::app
