#include "config/keys.h"

#include <algorithm>

#include "base/nearest_name.h"

namespace elves::config {

std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  for (const Key& key : keys()) names.push_back(key.name);
  for (const Secret& secret : secrets()) names.insert(names.end(), {secret.name, secret.file_key});
  return names;
}

bool is_guard(std::string_view name) {
  const auto named = [name](const Key& key) { return key.guard && key.name == name; };
  const auto secret = [name](const Secret& one) {
    return one.guard && (one.name == name || one.file_key == name);
  };
  return std::ranges::any_of(keys(), named) || std::ranges::any_of(secrets(), secret);
}

const KeyFamily* family_of(std::string_view key) {
  for (const KeyFamily& family : key_families()) {
    if (key.starts_with(family.prefix) && key.size() > family.prefix.size()) return &family;
  }
  return nullptr;
}

std::string_view nearest_key(std::string_view name) {
  constexpr std::size_t kLongest = 64;  // no key is as long; bounds the work on nonsense
  name = name.substr(0, kLongest);
  std::string_view nearest;
  std::size_t fewest = kLongest + 1;
  const auto consider = [&](std::string_view known, std::size_t edits) {
    if (edits >= fewest) return;
    nearest = known;
    fewest = edits;
  };
  for (const std::string_view known : key_names()) consider(known, edit_distance(name, known));
  const auto dot = name.find('.');
  for (const KeyFamily& family : key_families()) {
    if (dot != std::string_view::npos && family_of(name) == nullptr)
      consider(family.name, edit_distance(name.substr(0, dot + 1), family.prefix));
  }
  return nearest;
}

}  // namespace elves::config
