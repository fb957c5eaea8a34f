// From an instruction to the program to run. Nothing outside the app's folder is run but interpreters from
// PATH and the shipped entry script.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace elves::worker {

// What starts workers on this machine.
struct Launcher {
  std::filesystem::path apps;      // holds one folder per app
  std::filesystem::path entry;     // the shipped app-worker.py, for apps that bring none; "" = there is none
  std::string python = "python3";  // runs app-worker.py: a path, or a name found in PATH
  std::string mark;                // NAME=value: one more variable of a worker's environment; "" = none
};

// A worker ready to be started: argv[0] is an absolute path.
struct Command {
  std::vector<std::string> argv;
  std::filesystem::path folder;  // the app's: the working directory
  std::string input;             // for its standard input; "" = /dev/null
  std::string mark;              // NAME=value: one more variable of its environment; "" = none
};

// The kernel takes no single argument of more than 128 KiB (MAX_ARG_STRLEN), its end included.
inline constexpr std::size_t kMaxArgument = 128 * 1024 - 1;

// Whether `app` can be the name of a folder below apps/: not empty, no '/', no NUL, neither "." nor "..".
bool is_app_name(std::string_view app);

// The command for `func` of `app`:
//   proxy ""                     python, app-worker.py (the app's own, else the shipped one)
//   proxy "interpreter|script"   a program found in PATH, and a file in the app's folder
//   proxy "program"              an executable in the app's folder
// each followed by app, func and base64(param); where that is longer than kMaxArgument, by "-" and the base64
// text goes to standard input. Paths are relative to the app's folder and must stay in it, symbolic links
// followed. Errors: app_not_found (no such folder), internal (anything else); `detail` is for the caller.
Result<Command> resolve(const Launcher& launcher, const std::string& app, const std::string& func,
                        const std::string& param, const std::string& proxy);

std::string base64(std::string_view bytes);

}  // namespace elves::worker
