// Messages that cannot be delivered as they were encoded, said otherwise. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace elves::dialect {

// Both take what encode_reply(), encode_acceptance() or encode_terminal() made.

// The message in at most `most` bytes: its longest texts (worker_message, param, proxy, errors) are cut where
// a character ends, and say so at their end. Beside a text that was cut there is a member NAME_bytes, its
// size before. nullopt when all that is not text is longer than that.
std::optional<std::string> shortened(std::string_view message, std::size_t most);

// The message with this error in the place of a result, and without its long texts.
std::string as_failed(std::string_view message, const Error& error);

}  // namespace elves::dialect
