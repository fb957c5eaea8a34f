#include "base/in_turn.h"

#include <fmt/format.h>

#include <algorithm>

namespace elves {

Deadline share_of(Deadline whole, SteadyTime now, std::size_t left) {
  const auto rest = std::max(whole.at() - now, SteadyTime::duration::zero());
  return Deadline(now + rest / static_cast<SteadyTime::rep>(std::max<std::size_t>(left, 1)));
}

Addresses with_last(Addresses addresses, const std::string& doubtful) {
  std::ranges::stable_partition(addresses, [&](const std::string& one) { return one != doubtful; });
  return addresses;
}

void Attempts::failed(const std::string& address, const std::string& why) {
  if (!text_.empty()) text_ += "; ";
  text_ += address == name_ ? why : fmt::format("{}: {}", address, why);
}

}  // namespace elves
