// What a worker prints, and what that means. Pure functions.
//
// A worker reports on standard output:
//   <ElvesWFlag>true|false</ElvesWFlag> <ElvesWResult>any bytes</ElvesWResult>
// in either order, with anything before, between and after.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/outcome.h"

namespace elves::worker {

// How a process ended: exactly one of the two.
struct Exit {
  int status = 0;  // exit status
  int signal = 0;  // the signal that ended it, or 0

  // "exit status 3", "signal 11 (Segmentation fault)".
  std::string text() const;
};

// What the tags say; nullopt fields where a tag is missing. A result reaches to the last closing tag, so that
// it may hold tags itself; a flag tag inside the result is not taken for the flag when the two stand in the
// usual order.
struct Report {
  std::optional<bool> flag;  // "true" in any case, blanks around it ignored; any other text is false
  std::optional<std::string_view> result;
};
Report parse_report(std::string_view output);

// The answer to an instruction whose worker ended by itself: flag 1 or 0 as reported, -1 when a signal ended
// it or the report is missing; then `result` says so, with how it ended and the last lines it printed.
// `errors` is the tail of its standard error. costtime is left 0.
WorkerAnswer judge(const Exit& exit, std::string_view output, std::string_view errors);

// An answer with flag -1: the agent could not run it.
WorkerAnswer could_not_run(std::string why);

// At most `bytes` from the end of `text`, starting at the start of a line if there is one, trimmed.
std::string_view last_lines(std::string_view text, std::size_t bytes);

}  // namespace elves::worker
