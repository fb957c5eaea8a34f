// The section "tls" of the configuration. Only for config.cc.
#pragma once

#include <filesystem>

#include "worker/config.h"
#include "worker/config_section.h"

namespace elves::worker {

// File names are below `root`.
void read_tls(Section section, const std::filesystem::path& root, AgentConfig& config);

}  // namespace elves::worker
