// What a process inherits from whoever started it, made harmless: the one place for all programs.
#pragma once

#include <cstdint>

namespace elves {

enum class Program : std::uint8_t {
  server,  // runs on its own: failed writes are errors, never signals; its files are not for everybody
  tool,    // runs in somebody's shell: a reader that goes away ends it, as it ends other tools
};

// Call it first in main(), before any thread, file or library.
//
// Afterwards every signal has its default disposition and none is blocked, whatever the parent did; but what
// a shell or nohup ignores on purpose (SIGHUP, SIGINT, SIGQUIT) stays ignored until somebody handles it. A
// file that must not grow (ulimit -f) is a failed write (EFBIG). No timer of the parent's is pending.
// Descriptors 0 to 2 are open. A server also ignores SIGPIPE, may open as many files as the system lets it,
// and makes files that nobody but owner and group can read.
void prepare_process(Program program);

// For a child between fork and exec: undoes what prepare_process() has done to file limit, core limit and
// umask, so that it gets what the parent of this process meant for it. System calls only; the child resets
// signals itself.
void give_back_inherited();

// Whether orphans of other processes become children of this one: it is PID 1 of a container or a
// "subreaper". Then it is to reap them.
bool adopts_orphans();

// For a program without children of its own that adopts orphans: the system reaps them. Nothing when it does
// not.
void let_orphans_be_reaped();

}  // namespace elves
