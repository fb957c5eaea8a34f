#include "ctl/files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "ctl/failure.h"

namespace elves::ctl {

std::string read_all(const std::string& file, std::istream& in) {
  errno = 0;
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& source = file == "-" ? in : opened;
  std::ostringstream bytes;
  bytes << source.rdbuf();
  if (bytes.bad() || (file != "-" && !opened.is_open())) {
    throw Failure(kExitUsage, "cannot read " + file + ": " + std::strerror(errno));
  }
  return std::move(bytes).str();
}

}  // namespace elves::ctl
