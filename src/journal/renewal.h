// A new file in the place of one that is lost.
#pragma once

#include <span>
#include <string>

#include "dispatch/ports.h"

namespace elves::journal {

// Puts a new journal of this scheduler (Store::instance) with these records at `path`. What lies there is
// moved to `path`.damaged-TIME, with its -wal; the answer is that name, "" when nothing was there. Nobody may
// have either open. Throws std::exception when it cannot be done, and then may be tried again; a process that
// ends amid it leaves a file that the next one refuses, or one with all of them.
std::string renew(const std::string& path, const std::string& instance, std::span<const JobRecord> open);

}  // namespace elves::journal
