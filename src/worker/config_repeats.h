// Keys that a JSON text gives more than once: parsers keep one of the values and say nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elves::worker {

// The dotted paths in lower case ("log.level") of keys that stand twice or more, in any case, in one object
// of `text`; each once, in their order. Comments and trailing commas are passed over. What is no JSON has
// none.
std::vector<std::string> repeated_keys(std::string_view text);

}  // namespace elves::worker
