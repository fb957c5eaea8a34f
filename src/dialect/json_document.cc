#include "dialect/json_document.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <functional>
#include <limits>

#include "dialect/json_fault.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;
using boost::json::error_code;

}  // namespace

const JsonValue* JsonMembers::find(std::string_view key) const {
  const auto found = std::find_if(members_.rbegin(), members_.rend(),
                                  [key](const auto& member) { return member.first == key; });
  return found == members_.rend() ? nullptr : &found->second;
}

// What the parser tells of what it finds: names and signatures are Boost.JSON's (basic_parser.hpp).
class JsonDocument::Collector {
 public:
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_object_size = kNoLimit;
  static constexpr std::size_t max_array_size = kNoLimit;
  static constexpr std::size_t max_key_size = kNoLimit;
  static constexpr std::size_t max_string_size = kNoLimit;

  Collector(JsonDocument& into, std::string_view text, std::string_view inner)
      : into_(into), text_(text), inner_(inner) {}

  bool is_object() const { return is_object_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    add(JsonObject{});
    if (depth_ == 0) is_object_ = true;
    if (depth_ == 1) in_inner_ = is_object_ && !inner_.empty() && key_ == inner_;
    if (depth_ == 1 && in_inner_) into_.inner_.clear();
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) { return leave(); }
  bool on_array_begin(error_code&) {
    add(JsonArray{});
    if (depth_ == 1) in_inner_ = false;
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) { return leave(); }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return take(part); }
  bool on_key(json::string_view rest, std::size_t, error_code&) {
    if (members()) key_ = whole(rest);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code&) { return take(part); }
  bool on_string(json::string_view rest, std::size_t, error_code&) {
    if (members()) add(whole(rest));
    return true;
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, error_code&) { return add(number); }
  bool on_uint64(std::uint64_t number, json::string_view, error_code&) { return add(number); }
  bool on_double(double number, json::string_view, error_code&) { return add(number); }
  bool on_bool(bool value, error_code&) { return add(value); }
  bool on_null(error_code&) { return add(JsonNull{}); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

 private:
  // Of the object that is being read, if anybody wants them.
  JsonMembers* members() const {
    if (depth_ == 1 && is_object_) return &into_.object_;
    return depth_ == 2 && in_inner_ ? &into_.inner_ : nullptr;
  }
  bool add(JsonValue value) {
    if (JsonMembers* const members = this->members()) members->add(key_, value);
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  bool take(json::string_view part) {
    if (!members()) return true;
    if (!unfinished_) unfinished_ = &into_.unescaped_.emplace_front();
    unfinished_->append(part.data(), part.size());
    return true;
  }
  // Key or text, of which `rest` comes last.
  std::string_view whole(json::string_view rest) {
    const bool in_text = std::greater_equal{}(rest.data(), text_.data()) &&
                         std::less{}(rest.data(), text_.data() + text_.size());
    if (!unfinished_ && in_text) return {rest.data(), rest.size()};
    take(rest);
    return *std::exchange(unfinished_, nullptr);
  }

  JsonDocument& into_;
  const std::string_view text_;
  const std::string_view inner_;
  std::size_t depth_ = 0;  // so many objects and arrays are open
  bool is_object_ = false;
  bool in_inner_ = false;  // what is open at depth 2 is the one
  std::string_view key_;
  std::string* unfinished_ = nullptr;
};

std::optional<Error> JsonDocument::parse(std::string_view text, const Limits& limits,
                                         std::string_view inner) {
  const auto malformed = [](std::string detail) {
    return Error{ErrorCode::message_malformed, std::move(detail)};
  };
  if (text.size() > limits.max_body) {
    return malformed("larger than " + std::to_string(limits.max_body) + " bytes");
  }
  json::parse_options options;
  options.max_depth = limits.max_depth;
  json::basic_parser<Collector> parser(options, *this, text, inner);
  error_code fault;
  const auto parsed = parser.write_some(false, text.data(), text.size(), fault);
  if (!fault && parsed < text.size()) fault = json::error::extra_data;
  if (fault) return malformed("no JSON in UTF-8: " + json_fault(text, parsed, fault));
  if (!parser.handler().is_object()) return malformed("no JSON object");
  return std::nullopt;
}

}  // namespace elves::dialect
