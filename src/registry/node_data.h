// What nodes hold, as text and as values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace elves::registry {

// What a scheduler tells about itself (docs/protocol.md, "ZooKeeper").
struct Self {
  std::string host;
  std::uint16_t thrift_port = 0;
  std::uint16_t admin_port = 0;  // 0 = no HTTP API
  std::string version;
  std::int64_t pid = 0;
  WallTime started{};
  std::string instance;  // as Journal::instance()
};
std::string self_text(const Self& self);

// `data` as compact JSON when it is a JSON object of at most `most` bytes; nullopt otherwise.
std::optional<std::string> object_text(std::string_view data, std::size_t most);

// What an agent's node holds, as far as it makes sense: any shape is possible.
struct AgentData {
  std::string state;          // "state": the heartbeat component's own word
  std::string version;        // "version"
  std::string apps = "null";  // "apps": JSON, as it came
};
AgentData agent_data(std::string_view data);

// "10.0.0.1:9000", "[::1]:9000" or "name:9000", blanks around it aside, as host:port with the brackets kept;
// nullopt when it is none.
std::optional<std::string> address_of(std::string_view data);

// An ensemble list taken apart: "a:2182,b/elves/x" means the hosts "a:2182,b:2181" and the chroot "/elves/x",
// which may be "".
struct Ensemble {
  std::string hosts;
  std::string chroot;
};
Ensemble ensemble_of(std::string_view host);

}  // namespace elves::registry
