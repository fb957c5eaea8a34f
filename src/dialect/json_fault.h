// What is wrong with text that is no JSON, in words a person can act on.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace elves::dialect {

// "line 2 column 5 (byte 37): " and the likely cause. The parser has stopped at `at`, with `fault`; it is not
// repeated what the text says there beyond some bytes in hexadecimal digits.
std::string json_fault(std::string_view text, std::size_t at, const boost::system::error_code& fault);

}  // namespace elves::dialect
