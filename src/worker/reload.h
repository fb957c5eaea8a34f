// What a cfg.json that is read again changes in a running agent: log.level, authips, maxconnections and
// maxconnectionsperaddress.
#pragma once

#include <string>
#include <vector>

#include "worker/config.h"

namespace elves::worker {

struct Reload {
  std::vector<std::string> kept;   // guards that the file has no longer, and that stay as they were
  std::vector<std::string> later;  // what the file has changed and only a restart takes over
};

// Takes the live keys of `fresh`, a file without errors, over into `now`. authips is lifted by an empty list,
// never by its absence: a file that was cut short must not open anything.
Reload take_over(AgentConfig& now, const AgentConfig& fresh);

}  // namespace elves::worker
