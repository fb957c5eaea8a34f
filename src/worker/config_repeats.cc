#include "worker/config_repeats.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cctype>
#include <cstdint>
#include <limits>
#include <set>

namespace elves::worker {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// Takes part in parsing only by what it hears of keys.
class Listener {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  bool on_object_begin(error_code&) {
    objects_.push_back({.path = last_, .seen = {}});
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    last_ = objects_.back().path;
    objects_.pop_back();
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    key_ += part;
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code&) {
    key_ += part;
    std::ranges::transform(key_, key_.begin(), [](unsigned char c) { return std::tolower(c); });
    auto& object = objects_.back();
    last_ = object.path.empty() ? key_ : object.path + '.' + key_;
    if (!object.seen.insert(std::exchange(key_, "")).second &&
        std::ranges::find(repeated_, last_) == repeated_.end())
      repeated_.push_back(last_);
    return true;
  }
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  std::vector<std::string> take() { return std::move(repeated_); }

 private:
  struct Object {
    std::string path;
    std::set<std::string> seen;
  };
  std::vector<Object> objects_;
  std::string key_;   // so far
  std::string last_;  // the path of the key that was heard last
  std::vector<std::string> repeated_;
};

}  // namespace

std::vector<std::string> repeated_keys(std::string_view text) {
  json::parse_options lenient;
  lenient.allow_comments = true;
  lenient.allow_trailing_commas = true;
  json::basic_parser<Listener> parser(lenient);
  error_code fault;
  parser.write_some(false, text.data(), text.size(), fault);
  return fault ? std::vector<std::string>() : parser.handler().take();
}

}  // namespace elves::worker
