// Cuts members out of JSON text without changing a digit of them, where going through parsed values would.
#pragma once

#include <string>
#include <string_view>

namespace elves::dialect {

// Both take text that a JSON parser has accepted; of anything else the result is meaningless, but safe.

// The text of the value of `key` in the object `object`, the last one if it is repeated; "" when there is
// none.
std::string_view member_text(std::string_view object, std::string_view key);

// `json` without the white space between its tokens.
std::string compact_text(std::string_view json);

}  // namespace elves::dialect
