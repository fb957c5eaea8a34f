// The kinds of values a key can have: each function makes one row of the table in key_table.cc. Only for that
// file.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/keys.h"

namespace elves::config {

template <class Group, class Field>
auto at(Group Options::* group, Field Group::* field) {
  return [=](auto& options) -> auto& { return options.*group.*field; };
}

template <class T>
concept Duration = requires(T value) { value.count(); };

template <class T>
std::uint64_t count_of(const T& value) {
  if constexpr (Duration<T>) {
    return static_cast<std::uint64_t>(value.count());
  } else {
    return value;
  }
}

inline std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return {};
  return number;
}

// `what` names the value in "is no {what}".
template <class Field>
Key number(std::string_view name, Field field, std::uint64_t least, std::uint64_t most, const char* what) {
  using Value = std::remove_reference_t<decltype(field(std::declval<Options&>()))>;
  if constexpr (std::is_unsigned_v<Value>)
    most = std::min<std::uint64_t>(most, std::numeric_limits<Value>::max());
  return {name,
          [=](Options& options, const std::string& text) -> std::string {
            const auto parsed = parse_number(text);
            if (!parsed || *parsed < least || *parsed > most) {
              return fmt::format("{}: a number from {} to {}", what, least, most);
            }
            field(options) = Value(*parsed);
            return "";
          },
          [=](const Options& options) { return std::to_string(count_of(field(options))); }};
}

template <class Field>
Key port(std::string_view name, Field field) {
  return number(name, field, 1, 65535, "port");
}
template <class Field>
Key millis(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid time in milliseconds");
}
template <class Field>
Key seconds(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid time in seconds");
}
template <class Field>
Key bytes(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid size in bytes");
}
template <class Field>
Key count(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid count");
}

template <class Field>
Key flag(std::string_view name, Field field) {
  return {name,
          [=](Options& options, std::string text) -> std::string {
            std::transform(text.begin(), text.end(), text.begin(),
                           [](unsigned char c) { return std::tolower(c); });
            if (text != "true" && text != "false") return "truth value: true or false";
            field(options) = text == "true";
            return "";
          },
          [=](const Options& options) { return field(options) ? "true" : "false"; }};
}

// A text for which `valid` holds; `right` completes "is no ...".
template <class Field, class Valid>
Key text(std::string_view name, Field field, const Valid& valid, const std::string& right) {
  return {name,
          [=](Options& options, const std::string& value) -> std::string {
            if (!valid(value)) return right;
            field(options) = value;
            return "";
          },
          [=](const Options& options) { return field(options); }};
}

template <class Field>
Key networks(std::string_view name, Field field) {
  return {
      name,
      [=](Options& options, const std::string& value) -> std::string {
        auto parsed = Networks::parse(value);
        if (!parsed) {
          return "list of networks: 10.0.0.0/8, 2001:db8::/32, 10.1.2.3 or the like, with commas between, "
                 "and no bits set beyond the prefix";
        }
        field(options) = std::move(*parsed);
        return "";
      },
      [=](const Options& options) { return field(options).text(); }};
}

inline Key live(Key key) {
  key.live = true;
  return key;
}
inline std::vector<Key> live(std::vector<Key> keys) {
  for (Key& key : keys) key.live = true;
  return keys;
}
inline Key guard(Key key) {
  key.guard = true;
  return key;
}

inline bool has_control(const std::string& value) {
  return std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}
inline bool any_text(const std::string& value) { return !has_control(value); }
inline bool some_text(const std::string& value) { return !value.empty() && !has_control(value); }
inline bool one_word(const std::string& value) {
  return some_text(value) && value.find(' ') == std::string::npos;
}
inline bool absolute_node(const std::string& value) {
  return one_word(value) && value.front() == '/' && value.find("//") == std::string::npos &&
         (value.size() == 1 || value.back() != '/');
}
inline bool short_name(const std::string& value) { return some_text(value) && value.size() <= 255; }

template <class Field>
Key choice(std::string_view name, Field field, std::initializer_list<std::string> allowed) {
  const auto right = fmt::format("known choice: one of {}", fmt::join(allowed, ", "));
  return text(
      name, field,
      [all = std::vector<std::string>(allowed)](const std::string& value) {
        return std::find(all.begin(), all.end(), value) != all.end();
      },
      right);
}

}  // namespace elves::config
