// What a configuration file that is read again changes in a running scheduler.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace elves::config {

struct Reload {
  Options options;                 // to be in force from now on
  std::vector<std::string> kept;   // guards that the file has no longer, and that stay as they were
  std::vector<std::string> later;  // what the file has changed and only a restart takes over
};

// `now`: what is in force; `loaded`: without errors. Live keys (Key::live) are taken over. A guard
// (Key::guard) is lifted by a value that says so, never by its absence: a file that was cut short must not
// open anything. The texts name key and values, never a secret's.
Reload take_over(const Options& now, const Loaded& loaded);

// The names of the live keys, families included, for people: "agent.*, drain.timeout, ...".
std::string live_keys();

}  // namespace elves::config
