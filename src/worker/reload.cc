#include "worker/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <string_view>

namespace elves::worker {
namespace {

constexpr std::array<std::string_view, 4> kLive{"log.level", "authips", "maxconnections",
                                                "maxconnectionsperaddress"};

const std::string* find(const AgentConfig& config, const std::string& key) {
  const auto found = config.given.find(key);
  return found == config.given.end() ? nullptr : &found->second;
}

std::string shown(const std::string* value) { return value == nullptr ? "not given" : *value; }

}  // namespace

Reload take_over(AgentConfig& now, const AgentConfig& fresh) {
  Reload reload;
  std::set<std::string> keys;
  for (const AgentConfig* config : std::initializer_list<const AgentConfig*>{&now, &fresh})
    for (const auto& [key, value] : config->given) keys.insert(key);
  for (const auto& key : keys) {
    const auto* before = find(now, key);
    const auto* after = find(fresh, key);
    if (std::ranges::find(kLive, key) != kLive.end() || shown(before) == shown(after)) continue;
    reload.later.push_back(
        fmt::format("{} is {} in the file: it stays {} until a restart", key, shown(after), shown(before)));
  }
  const auto allow = now.door.allow;
  now.door = fresh.door;
  now.log.level = fresh.log.level;
  if (!allow.empty() && find(fresh, "authips") == nullptr) {
    now.door.allow = allow;
    reload.kept.push_back(fmt::format(
        "authips is no longer in the file and stays {}. To lift it, write \"authips\": []", allow.text()));
  }
  return reload;
}

}  // namespace elves::worker
