// Keeps what a process holds in memory from other users and from disks.
#pragma once

namespace elves {

// No core dump of this process from now on, and no other process of the same user may attach to it or read
// /proc/PID/environ, mem and the like; root still may. For a process that has loaded a secret.
void keep_out_of_dumps();

}  // namespace elves
