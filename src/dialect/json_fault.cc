#include "dialect/json_fault.h"

#include <algorithm>
#include <boost/json/error.hpp>

#include "base/utf8.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

struct Finding {
  std::size_t at;
  std::string cause;
};

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string shown;
  for (const unsigned char c : bytes) {
    if (!shown.empty()) shown += ' ';
    ((shown += "0x") += kDigits[c >> 4U]) += kDigits[c & 0xFU];
  }
  return shown;
}

// What the first bytes say about all of them; "" when nothing.
std::string cause_in_beginning(std::string_view text) {
  using namespace std::string_view_literals;
  if (text.empty()) return "the message is empty";
  if (text.starts_with("\xEF\xBB\xBF")) {
    return "the message begins with a byte order mark (0xEF 0xBB 0xBF), as some editors and libraries "
           "write it: leave it out";
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") || text.starts_with("{\0"sv) ||
      text.starts_with("\0{"sv)) {
    return "the message looks like UTF-16 or UTF-32: send UTF-8";
  }
  if (text.starts_with("\x1F\x8B")) return "the message is compressed (gzip): send the plain text";
  if (text.starts_with("<")) return "the message looks like XML or HTML";
  return "";
}

// `text` begins with what belongs to no UTF-8 sequence.
std::string cause_of_bytes(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  const unsigned next = byte_at(text, 1);
  if (lead == 0xED && next >= 0xA0 && next <= 0xBF) {
    return hexadecimal(text.substr(0, 3)) +
           " is half of a surrogate pair, not UTF-8: an emoji was cut in two, or each half was encoded by "
           "itself (CESU-8)";
  }
  const std::size_t announced = lead >= 0xF0 ? 4 : (lead >= 0xE0 ? 3 : 2);
  std::size_t there = 1;
  while (there < announced && (byte_at(text, there) & 0xC0U) == 0x80U) ++there;
  const bool begins = lead >= 0xC2 && lead <= 0xF4;
  const bool cut = begins && there < announced && byte_at(text, there) < 0x80;
  // One byte alone is rather a letter of Latin-1, unless the text ends with it.
  if (cut && (there > 1 || lead >= 0xF0 || text.size() == 1)) {
    return hexadecimal(text.substr(0, there)) +
           " is the beginning of a UTF-8 character whose end is missing: the text was cut by its bytes";
  }
  return hexadecimal(text.substr(0, 1)) +
         " is not UTF-8: the text is in another encoding, such as GBK or Latin-1, or was cut by its bytes";
}

// The escape \uXXXX that ends at or holds `at`.
std::size_t begin_of_escape(std::string_view text, std::size_t at) {
  const std::size_t found = text.rfind("\\u", std::min(at, text.size()));
  return found == text.npos || at - found > 12 ? at : found;
}

// Whether an escape \uD800 to \uDBFF, which needs another one behind it, ends at `at`.
bool is_after_leading_surrogate(std::string_view text, std::size_t at) {
  if (at < 6 || text.substr(at - 6, 2) != "\\u") return false;
  const auto is_one_of = [&](std::size_t place, std::string_view digits) {
    return digits.find(text[at - 6 + place]) != digits.npos;
  };
  return is_one_of(2, "dD") && is_one_of(3, "89abAB");
}

std::string cause_of_character(std::string_view text, std::size_t at) {
  const unsigned c = byte_at(text, at);
  if (c == '\'') return "a single quote: JSON has double quotes";
  if (c == '}' || c == ']') {
    const auto before = text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
    if (before != text.npos && text[before] == ',') return "a comma before the end of a list or an object";
  }
  if (c < 0x20 || c == 0x7F) {
    return "a control character, " + hexadecimal(text.substr(at, 1)) +
           ": in text it is written as an escape, such as \\n";
  }
  if (c == 'N' || c == 'I' || c == 'u') return "no value of JSON: NaN, Infinity and undefined are none";
  if (c == '/' || c == '#') return "a comment: JSON has none";
  return std::string("an unexpected '") + static_cast<char>(c) + "'";
}

Finding find_cause(std::string_view text, std::size_t at, const boost::system::error_code& fault) {
  if (auto cause = cause_in_beginning(text); !cause.empty()) return {0, std::move(cause)};
  const std::size_t not_utf8 = first_not_utf8(text);
  if (not_utf8 != text.npos && not_utf8 <= at) return {not_utf8, cause_of_bytes(text.substr(not_utf8))};
  if (fault == json::error::illegal_leading_surrogate || fault == json::error::illegal_trailing_surrogate ||
      fault == json::error::expected_utf16_escape || is_after_leading_surrogate(text, at)) {
    return {begin_of_escape(text, at),
            "the escape \\uD800 to \\uDFFF is half of a surrogate pair: an emoji was cut in two"};
  }
  if (fault == json::error::incomplete) return {text.size(), "the text ends too early: it was cut"};
  if (fault == json::error::extra_data) return {at, "there is more after the end of the JSON"};
  if (fault == json::error::too_deep) return {at, "it is nested too deep (mq.maxDepth)"};
  if (fault != json::error::syntax) return {at, fault.message()};
  return {at, cause_of_character(text, at)};
}

}  // namespace

std::string json_fault(std::string_view text, std::size_t at, const boost::system::error_code& fault) {
  const auto [place, cause] = find_cause(text, at, fault);
  const auto before = text.substr(0, place);
  const auto lines = std::ranges::count(before, '\n');
  const auto last_line = before.rfind('\n');
  const std::size_t column = place - (last_line == before.npos ? 0 : last_line + 1);
  return "line " + std::to_string(lines + 1) + " column " + std::to_string(column + 1) + " (byte " +
         std::to_string(place) + "): " + cause;
}

}  // namespace elves::dialect
