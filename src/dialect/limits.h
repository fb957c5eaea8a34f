// How large a request may be before it is refused as malformed.
#pragma once

#include <chrono>
#include <cstddef>

namespace elves::dialect {

struct Limits {
  std::size_t max_body = std::size_t{8} << 20;      // bytes of one message
  std::size_t max_depth = 64;                       // nesting of the JSON
  std::chrono::seconds default_timeout{90};         // job.defaultTimeout: for timeout 0, "" or absent
  std::chrono::seconds max_timeout{7 * 24 * 3600};  // a larger timeout is 403.8
};

}  // namespace elves::dialect
