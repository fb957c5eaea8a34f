// Which known name somebody meant who wrote another one.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace elves {

// Characters to add, leave out or replace, whatever their case.
std::size_t edit_distance(std::string_view from, std::string_view to);
// So few edits are a slip of the finger.
inline constexpr std::size_t kMisspelt = 2;

// The one of `known`, which is not empty, that is the least edits away; the first of several. Looks at the
// first 64 characters of `name` only.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace elves
