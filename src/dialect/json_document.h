// One parsed JSON object. Small messages are parsed without touching the heap.
#pragma once

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "dialect/limits.h"

namespace elves::dialect {

class JsonDocument {
 public:
  JsonDocument() = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Parses strict JSON in UTF-8, once. message_malformed when it is none, no object, or beyond `limits`.
  // Keeps no reference to `text`. Of a repeated key the last value counts.
  std::optional<Error> parse(std::string_view text, const Limits& limits);

  // What parse() found; lives as long as this.
  const boost::json::object& object() const { return root_.get_object(); }

 private:
  std::array<unsigned char, 4096> nodes_;
  boost::json::monotonic_resource resource_{nodes_.data(), nodes_.size()};
  boost::json::value root_ = boost::json::value(boost::json::storage_ptr(&resource_));
};

}  // namespace elves::dialect
