// What Beast has read, as the routes know it.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <optional>

#include "admin/routes.h"

namespace elves::admin {

using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Valid as long as the parser.
Head head_of(const Parser& parser);

// What to tell a client whose request could not be read; nothing when it is gone or was too slow.
std::optional<Reply> fault_reply(const boost::system::error_code& fault);

}  // namespace elves::admin
