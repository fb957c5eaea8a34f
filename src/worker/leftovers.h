// Workers that an agent which was killed has left behind.
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"

namespace elves::worker {

// The variable that is put into the environment of every worker: NAME=value, from the name of the agent's
// state (State::name()) and this process's session.
std::string worker_mark(const std::string& state);

struct Leftovers {
  std::size_t killed = 0;
  std::size_t alive = 0;  // killed, but still there when `patience` was over
};

// Kills every process that carries the mark of `state` in its environment, other than this one, except for
// what left its session on purpose (setsid), and waits until they are gone. Call it only while no other agent
// has the state. What this process may not look into is not found.
Leftovers end_leftovers(const std::string& state, Millis patience);

}  // namespace elves::worker
