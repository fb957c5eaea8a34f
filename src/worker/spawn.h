// Starts a program as a worker: nothing of this process goes with it.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "worker/command.h"

namespace elves::worker {

// Why a program was not started: an errno, and what was under way.
struct NotStarted {
  enum class Step : std::uint8_t { process, folder, program };
  int code = 0;  // 0 = it was
  Step step = Step::process;
};

// Starts `command` with `input`, `output` and `errors` (not 0 to 2) as its descriptors 0 to 2 and no other,
// as the leader of a process group of its own, with no signal ignored or blocked, and with the limits and the
// umask that this process was started with. It is killed when the thread that called this ends, however that
// comes about. Sets `pid`, or answers why not (start_trouble.h has the words).
NotStarted spawn(const Command& command, int input, int output, int errors, pid_t& pid);

}  // namespace elves::worker
