#include "base/door.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/log.h"

namespace elves {

Door::Door(DoorKeys keys, DoorLimits limits, OnRefused on_refused)
    : keys_(keys), limits_(std::move(limits)), on_refused_(std::move(on_refused)) {}

Door::Place Door::enter(const std::string& address) {
  const auto refuse = [&](Refusal why, const std::string& detail) {
    expel(why, address, detail);
    return nullptr;
  };
  if (!limits_.allow.empty() && !limits_.allow.contains(address))
    return refuse(Refusal::stranger, fmt::format("not in {}", keys_.allow));
  if (count() >= limits_.max_connections)
    return refuse(Refusal::full, fmt::format("{} ({})", keys_.max_connections, limits_.max_connections));
  const auto holder = IpAddress::parse(address).value_or(IpAddress()).holder();
  const auto of_address = inside_->of_address.try_emplace(holder).first;
  if (of_address->second >= limits_.max_per_address)
    return refuse(Refusal::address_full,
                  fmt::format("{} ({})", keys_.max_per_address, limits_.max_per_address));
  ++of_address->second;
  ++inside_->all;
  return Place(this, [inside = inside_, of_address](const void*) {
    --inside->all;
    if (--of_address->second == 0) inside->of_address.erase(of_address);
  });
}

std::size_t Door::count() const { return inside_->all; }

void Door::expel(Refusal why, const std::string& address, const std::string& detail) {
  if (on_refused_) on_refused_(why);
  const auto held = rarely_[static_cast<std::size_t>(why)].pass(std::chrono::steady_clock::now());
  if (held) log::warn("{}: connection closed, {}{}", address, detail, and_more(*held));
}

}  // namespace elves
