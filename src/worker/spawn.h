// Starts a program as a worker: nothing of this process goes with it.
#pragma once

#include <sys/types.h>

#include "worker/command.h"

namespace elves::worker {

// Starts `command` with `input`, `output` and `errors` (not 0 to 2) as its descriptors 0 to 2 and no other,
// as the leader of a process group of its own, with no signal ignored or blocked. It is killed when the
// thread that called this ends, however that comes about. Answers 0 and sets `pid`, or answers the errno.
int spawn(const Command& command, int input, int output, int errors, pid_t& pid);

}  // namespace elves::worker
