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

// Those that are called come first; each kind by address.
class AgentListing {
 public:
  AgentListing(const AgentFilter& filter, std::vector<agent::AgentStatus> called,
               const registry::AgentStates& states);

  // Those whose nodes say more about them.
  std::vector<std::string> online() const;
  // A JSON array, with what was found in the nodes.
  std::string text(const registry::Agents::Nodes& nodes) const;

 private:
  struct Entry {
    agent::AgentStatus called;
    std::optional<registry::AgentState> known;

    std::string_view state() const;
    std::string text(const registry::Node* node) const;
  };
  void add(const AgentFilter& filter, Entry entry);

  std::vector<Entry> entries_;
};

}  // namespace elves::app
