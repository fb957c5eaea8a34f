// Small things about the text of requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elves::admin {

// Percent-decodes; `plus_is_space` as in queries. nullopt when an escape is broken or stands for NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

// name=value pairs in order, decoded; nullopt when an escape is broken.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// Whether both are the same but for the case of ASCII letters.
bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace elves::admin
