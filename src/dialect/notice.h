// What schedulers tell each other, as JSON: docs/protocol.md, "Between schedulers". Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/outcome.h"

namespace elves::dialect {

// A longer worker's message is cut to this many bytes: the initiator gets it whole, this is for the history.
inline constexpr std::size_t kMaxNoticeResult = 64UL * 1024;

// param and proxy are left out.
std::string encode_notice(const Notice& notice);

// Never throws. message_malformed when it is none.
Result<Notice> decode_notice(std::string_view body);

}  // namespace elves::dialect
