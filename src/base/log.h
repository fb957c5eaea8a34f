// The program's log. Levels: error = a person must act; warn = something is wrong and handled; info = what an
// operator wants to know; debug = one line per state change of a job. Never a password or, at info or above,
// a whole param. Any thread.
#pragma once

#include <spdlog/spdlog.h>

#include <cstddef>
#include <string>

namespace elves::log {

struct LogOptions {
  std::string level = "info";   // trace | debug | info | warn | error
  std::string file;             // "" = standard error
  std::string format = "text";  // text | json (one object a line)
  std::size_t rotate_bytes = std::size_t{50} * 1024 * 1024;
  std::size_t rotate_files = 5;
};

// Sets up the process-wide logger. Throws std::runtime_error naming the file when it cannot be opened.
void open(const LogOptions& options);

// Changes the level while running; an unknown name is ignored and answers false.
bool set_level(const std::string& level);

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::trace;
using spdlog::warn;

}  // namespace elves::log
