// A JSON object as its message has it: one pass over the text, and of the values only views into it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error.h"
#include "dialect/limits.h"

namespace elves::dialect {

struct JsonNull {};
struct JsonObject {};
struct JsonArray {};
// Text is what the JSON says, without its escapes. Of objects and arrays only that they are there.
using JsonValue = std::variant<JsonNull, bool, std::int64_t, std::uint64_t, double, std::string_view,
                               JsonObject, JsonArray>;

// The members of one object.
class JsonMembers {
 public:
  // Of a repeated key the last value counts; nullptr when there is none.
  const JsonValue* find(std::string_view key) const;
  // In the order of the message; a repeated key is there as often as it was given.
  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

  void add(std::string_view key, JsonValue value) { members_.emplace_back(key, value); }
  void clear() { members_.clear(); }

 private:
  boost::container::small_vector<std::pair<std::string_view, JsonValue>, 16> members_;
};

// Small messages are parsed without touching the heap, unless text in them has escapes.
class JsonDocument {
 public:
  JsonDocument() = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // Parses strict JSON in UTF-8, once. message_malformed when it is none, no object, or beyond `limits`; then
  // the members before the fault can be found all the same.
  // `text` must live as long as what is found in it. `inner`: a member whose own members are wanted, too.
  std::optional<Error> parse(std::string_view text, const Limits& limits, std::string_view inner = {});

  const JsonMembers& object() const { return object_; }
  // Of the object that the member `inner` is; empty when it is none.
  const JsonMembers& inner() const { return inner_; }

 private:
  class Collector;

  JsonMembers object_;
  JsonMembers inner_;
  std::forward_list<std::string> unescaped_;  // text that does not stand in the message like that
};

}  // namespace elves::dialect
