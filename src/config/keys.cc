#include "config/keys.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace elves::config {
namespace {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(from[i])) ==
                        std::tolower(static_cast<unsigned char>(to[j]));
      const std::size_t replace = diagonal + (same ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replace, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  for (const Key& key : keys()) names.push_back(key.name);
  for (const Secret& secret : secrets()) names.insert(names.end(), {secret.name, secret.file_key});
  return names;
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
