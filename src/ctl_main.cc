#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "base/process_start.h"
#include "base/version.h"
#include "ctl/elvesctl.h"

constexpr int kSignalled = 128;  // and more: ended by the signal of that number beyond it

int main(int argc, char** argv) {
  elves::prepare_process(elves::Program::tool);
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const elves::ctl::Io io{std::cin, std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1,
                          ::isatty(STDERR_FILENO) == 1};
  const int code = elves::ctl::run({argv + 1, argv + argc}, environment, io, elves::kVersion);
  if (code > kSignalled) {  // ended by the signal, so that a shell's loop around it ends, too
    std::signal(code - kSignalled, SIG_DFL);
    std::raise(code - kSignalled);
  }
  return code;
}
