// Text for people.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace elves::ctl {

// The value of `text`; nullopt when it is no JSON.
std::optional<boost::json::value> parse_json(std::string_view text);

// `json` indented by two spaces, keys in their order, without a newline at the end; `json` itself when it is
// none.
std::string pretty_json(std::string_view json);

// A member of an object as text: a string as it is, anything else as JSON; "" when missing or null.
std::string member(const boost::json::value& object, std::string_view key);

// Columns as wide as their widest cell, two spaces apart, one line a row. Control characters are spelled out.
std::string table(std::vector<std::vector<std::string>> rows);

// `text` on one line: control characters, newlines among them, are spelled out (base/visible.h).
std::string one_line(std::string_view text);

}  // namespace elves::ctl
