#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "base/version.h"
#include "ctl/elvesctl.h"

int main(int argc, char** argv) {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const elves::ctl::Io io{std::cin, std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1};
  return elves::ctl::run({argv + 1, argv + argc}, environment, io, elves::kVersion);
}
