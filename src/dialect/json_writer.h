// Writes a JSON object front to back into one string. Any thread, one object each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/appender.h"

namespace elves::dialect {

// Keys are written as they are: the caller's own words, nothing to escape. Values may be any bytes: each byte
// that belongs to no well-formed UTF-8 sequence becomes U+FFFD.
class JsonWriter {
 public:
  // Opens the outermost object. `size_hint`: bytes that the text will need, about.
  explicit JsonWriter(std::size_t size_hint);

  void begin(std::string_view key);
  void end();
  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, std::int64_t value);
  // `value` is JSON already.
  void json(std::string_view key, std::string_view value);

  // Closes the outermost object.
  std::string finish() &&;

 private:
  void key(std::string_view name);

  Appender out_;
};

}  // namespace elves::dialect
