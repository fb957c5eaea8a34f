// Why a worker could not be started, in words that a person can act on.
#pragma once

#include <string>
#include <string_view>

#include "worker/command.h"
#include "worker/spawn.h"

namespace elves::worker {

// "cannot start /apps/a/run.sh: its first line names the interpreter '/bin/bash\\r', and ...". Looks at the
// files that `command` names.
std::string why_not_started(const Command& command, const NotStarted& failure);

// The likely cause when what `command` started ended with `status` and without a report, having printed
// `errors`: a script with the line ends of Windows, or one whose first line names what is not there. To be
// put after the message that says so, on a line of its own; "" = nothing is seen.
std::string doubts_about(const Command& command, int status, std::string_view errors);

}  // namespace elves::worker
