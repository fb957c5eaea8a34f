// What the TLS keys and the tokens of the job API need of each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace elves::config {

struct Objection {
  std::string_view key;
  std::string message;
  bool fatal;  // else it is a warning
};

std::vector<Objection> objections(const Options& options);

}  // namespace elves::config
