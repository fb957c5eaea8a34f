// How far apart two names are: to find what was meant by a misspelt one.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace elves {

// The insertions, removals and replacements of single bytes that make `to` of `from`; the case of ASCII
// letters does not count. Its work grows with the product of the lengths.
inline std::size_t edit_distance(std::string_view from, std::string_view to) {
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

// So few edits are a slip of the finger.
inline constexpr std::size_t kMisspelt = 2;

}  // namespace elves
