#include "dialect/json_text.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>

namespace elves::dialect {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::size_t skip_space(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kSpace, at), text.size());
}

// `at` is an opening quote; the end is behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      if (depth == 0) return at;
      continue;
    }
    if (c == '}' || c == ']') {
      if (depth == 0) return at;  // the end of what encloses a bare number or word
      if (--depth == 0) return at + 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || kSpace.find(c) != std::string_view::npos)) {
      return at;
    }
    ++at;
  }
  return at;
}

// Whether `token`, quotes and escapes included, spells `key`.
bool spells(std::string_view token, std::string_view key) {
  boost::json::error_code fault;
  const boost::json::value spelled = boost::json::parse(token, fault);
  return !fault && spelled.is_string() && std::string_view(spelled.get_string()) == key;
}

}  // namespace

std::string_view member_text(std::string_view object, std::string_view key) {
  std::string_view found;
  std::size_t at = skip_space(object, 0) + 1;
  for (at = skip_space(object, at); at < object.size() && object[at] == '"'; at = skip_space(object, at)) {
    const std::size_t key_end = skip_string(object, at);
    const std::string_view token = object.substr(at, key_end - at);
    const std::size_t value = skip_space(object, skip_space(object, key_end) + 1);
    const std::size_t value_end = skip_value(object, value);
    if (value < object.size() && spells(token, key)) found = object.substr(value, value_end - value);
    at = skip_space(object, value_end);
    if (at < object.size() && object[at] == ',') ++at;
  }
  return found;
}

std::string compact_text(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t end = json[at] == '"' ? skip_string(json, at) : at + 1;
    if (kSpace.find(json[at]) == std::string_view::npos) out.append(json, at, end - at);
    at = end;
  }
  return out;
}

}  // namespace elves::dialect
