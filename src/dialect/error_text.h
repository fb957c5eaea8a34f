// The words of the error table, docs/protocol.md, "Errors".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace elves::dialect {

// "[403.1]Request Params (ip) Illegal" or, with a detail, "[403.1]Request Params (ip) Illegal: detail".
// `asynchronous` chooses between 410.0 and 410.1 for send_failed ("Send Job To Agent Fail...").
std::string error_text(const Error& error, bool asynchronous);

// "403.1": the code alone.
const char* error_number(ErrorCode code, bool asynchronous);
// The reverse; internal for what is no code.
ErrorCode error_code(std::string_view number);

}  // namespace elves::dialect
