// What the start would refuse, found without starting.
#pragma once

#include "base/start_check.h"
#include "worker/config.h"

namespace elves::worker {

// Files, folders and ports of `config`.
StartCheck check_start(const AgentConfig& config);

}  // namespace elves::worker
