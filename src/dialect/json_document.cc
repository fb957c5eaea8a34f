#include "dialect/json_document.h"

#include <boost/json/parser.hpp>
#include <string>

namespace elves::dialect {

std::optional<Error> JsonDocument::parse(std::string_view text, const Limits& limits) {
  const auto malformed = [](std::string detail) {
    return Error{ErrorCode::message_malformed, std::move(detail)};
  };
  if (text.size() > limits.max_body) {
    return malformed("larger than " + std::to_string(limits.max_body) + " bytes");
  }
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  std::array<unsigned char, 4096> scratch;
  boost::json::parser parser(boost::json::storage_ptr(), options, scratch.data(), scratch.size());
  parser.reset(&resource_);
  boost::json::error_code fault;
  parser.write(text.data(), text.size(), fault);
  if (fault) return malformed("no JSON in UTF-8: " + fault.message());
  root_ = parser.release();
  if (!root_.is_object()) return malformed("no JSON object");
  return std::nullopt;
}

}  // namespace elves::dialect
