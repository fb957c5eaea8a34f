#include "worker/config_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/nearest_name.h"

namespace elves::worker {
namespace {

namespace json = boost::json;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

bool is_absent(const json::value& value) {
  return value.is_null() || (value.is_string() && value.get_string().empty());
}

// A whole number, from a number or a string of one.
std::optional<std::int64_t> as_number(const json::value& value) {
  if (!value.is_string()) {
    boost::system::error_code fault;
    const auto number = value.to_number<std::int64_t>(fault);
    return fault ? std::nullopt : std::optional(number);
  }
  const std::string_view text = value.get_string();
  std::int64_t number = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Section::Section(const json::object& object, std::string prefix, Findings& findings)
    : prefix_(std::move(prefix)), findings_(findings) {
  for (const auto& [key, value] : object) values_[lower(key)] = &value;
}

const json::value* Section::take(const std::string& key) {
  known_.push_back(key);
  const auto node = values_.extract(key);
  if (node.empty() || is_absent(*node.mapped())) return nullptr;
  return node.mapped();
}

void Section::text(const std::string& key, std::string& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (value->is_string()) {
    target = value->get_string();
  } else if (value->is_number()) {
    target = json::serialize(*value);
  } else {
    error(key, "must be a text in quotes");
  }
}

bool Section::number(const std::string& key, std::int64_t least, std::int64_t most, const char* what,
                     std::int64_t& target) {
  const auto* value = take(key);
  if (value == nullptr) return false;
  const auto number = as_number(*value);
  if (number && *number >= least && *number <= most) {
    target = *number;
    return true;
  }
  error(key, fmt::format("{} is no {}: a number from {} to {}", json::serialize(*value), what, least, most));
  return false;
}

bool Section::flag(const std::string& key, bool otherwise) {
  const auto* value = take(key);
  if (value == nullptr) return otherwise;
  if (value->is_bool()) return value->get_bool();
  const auto text = value->is_string() ? lower(value->get_string()) : json::serialize(*value);
  if (text == "true" || text == "1") return true;
  if (text != "false" && text != "0") error(key, json::serialize(*value) + " is neither true nor false");
  return false;
}

Section Section::section(const std::string& key) {
  static const json::object kNothing;
  const auto* value = take(key);
  if (value != nullptr && !value->is_object()) error(key, "must be an object, {...}");
  const auto& object = value != nullptr && value->is_object() ? value->get_object() : kNothing;
  return {object, prefix_ + key + ".", findings_};
}

void Section::error(const std::string& key, const std::string& message) {
  findings_.errors.push_back(fmt::format("{}: {}{}: {}", findings_.file, prefix_, key, message));
}

void Section::warn(const std::string& key, const std::string& message) {
  findings_.warnings.push_back(fmt::format("{}: {}{}: {}", findings_.file, prefix_, key, message));
}

void Section::finish() {
  for (const auto& [key, value] : values_) {
    if (key == "comment") continue;
    const auto meant = nearest(key);
    const bool guard = prefix_ == "tls." || meant == "authips" || meant == "tls";
    if (meant.empty()) {
      warn(key, "unknown key, ignored");
    } else if (guard) {
      error(key, fmt::format("unknown key; if {}{} is meant, without it more would be allowed than you want",
                             prefix_, meant));
    } else {
      warn(key, fmt::format("unknown key, ignored; is {}{} meant?", prefix_, meant));
    }
  }
}

// The known key that `key` may be a slip of; "" when it is far from all.
std::string Section::nearest(const std::string& key) const {
  for (const auto& known : known_) {
    if (known.size() > kMisspelt && edit_distance(key, known) <= kMisspelt) return known;
  }
  return "";
}

}  // namespace elves::worker
