// Bytes as base64 text (RFC 4648, padded).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace elves::journal {

std::string base64_encode(std::string_view bytes);
// nullopt when the text is not base64. Up to 1 GiB.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace elves::journal
