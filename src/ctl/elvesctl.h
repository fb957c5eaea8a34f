// The command line client, without the process around it.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/arguments.h"

namespace elves::ctl {

struct Io {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;        // whether `out` is one
  bool error_terminal = false;  // whether `err` is one
};

// Does what `words` (without the program's name) ask for; answers with the exit code, 128 + N when signal N
// ended the waiting. What cannot be written to `out` is an error. Never throws. `version` is what
// --version says after the program's name.
int run(std::vector<std::string> words, const Environment& environment, const Io& io,
        const std::string& version = ELVES_VERSION);

}  // namespace elves::ctl
