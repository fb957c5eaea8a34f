// One line of the audit log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "dispatch/ports.h"

namespace elves::audit {

// What is told of an outcome: not the result, which may be large.
struct End {
  explicit End(const Outcome& outcome);
  bool rejected;
  bool succeeded;
  std::optional<Error> error;
  std::optional<std::int32_t> worker_flag;
};

// What is to be told about a job. Nothing is copied of it: a job does not change.
struct Entry {
  WallTime when;
  JobPtr job;
  std::optional<End> ended;  // none: it is asked for
};

// About what an entry takes in memory, in bytes.
std::size_t weight_of(const Entry& entry);

// JSON, one object, with its line feed: docs/security.md, "The audit log". `whole_param`: the param itself
// instead of its SHA-256. Any thread.
std::string line_of(const Entry& entry, bool whole_param);
// Of lines that could not be written.
std::string lost_line(WallTime when, std::uint64_t lines);

}  // namespace elves::audit
