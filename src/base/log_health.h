// How the log itself is.
#pragma once

#include <cstdint>

namespace elves::log {

// Lines that are lost since the start, because too many waited to be written. Any thread.
std::uint64_t lines_lost();

}  // namespace elves::log
