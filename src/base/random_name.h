// Names that no two processes give themselves.
#pragma once

#include <fmt/format.h>

#include <random>
#include <string>

namespace elves {

// 16 hex digits from the system's random numbers.
inline std::string random_name() {
  std::random_device random;
  return fmt::format("{:08X}{:08X}", random(), random());
}

}  // namespace elves
