#include "admin/request.h"

#include <boost/beast/http/error.hpp>
#include <string_view>

namespace elves::admin {

namespace http = boost::beast::http;
using boost::system::error_code;

Head head_of(const Parser& parser) {
  const auto& fields = parser.get();
  const auto text = [&fields](http::field name) { return std::string_view(fields[name]); };
  return {.method = fields.method_string(),
          .target = fields.target(),
          .host = text(http::field::host),
          .authorization = text(http::field::authorization),
          .content_type = text(http::field::content_type),
          .origin = text(http::field::origin)};
}

std::optional<Reply> fault_reply(const error_code& fault) {
  if (fault == http::error::header_limit) return error_reply(431, "the request's header is too large");
  if (fault == http::error::body_limit) return error_reply(413, "the request's body is too large");
  const bool broken = fault.category() == http::make_error_code(http::error::bad_method).category();
  if (!broken || fault == http::error::end_of_stream || fault == http::error::partial_message)
    return std::nullopt;
  return error_reply(400, "no HTTP/1 request: " + fault.message());
}

}  // namespace elves::admin
