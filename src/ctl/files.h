// Reading what the command line names.
#pragma once

#include <istream>
#include <string>

namespace elves::ctl {

// All bytes of `file`, or of `in` when it is "-". Throws Failure (usage) naming the file.
std::string read_all(const std::string& file, std::istream& in);

}  // namespace elves::ctl
