// What the start would refuse, found without starting.
#pragma once

#include "base/start_check.h"
#include "config/options.h"

namespace elves::app {

// Certificates, files, folders and ports of `options`.
StartCheck check_start(const config::Options& options);

}  // namespace elves::app
