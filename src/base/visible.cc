#include "base/visible.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace elves {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = true;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[at + i]); };
  if (byte(0) < 0x80) return {.code = byte(0)};
  const auto length = utf8_length(text, at);
  if (length == 0) return {.code = byte(0), .valid = false};
  std::uint32_t code = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6U | (byte(i) & 0x3FU);
  return {.code = code, .bytes = length};
}

bool is_shown(const Character& character, Newlines newlines) {
  const auto code = character.code;
  if (!character.valid) return false;
  if (code == '\n') return newlines == Newlines::kept;
  if (code == '\t') return true;
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;
  const bool directs = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
                       code == 0x200E || code == 0x200F || code == 0x061C;
  const bool separates = code == 0x2028 || code == 0x2029;
  return !directs && !separates;
}

void spell(const Character& character, std::string& out) {
  if (character.code == '\n') {
    out += "\\n";
  } else if (character.code == '\r') {
    out += "\\r";
  } else if (character.code < 0x80 || !character.valid) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", character.code);
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", character.code);
  }
}

}  // namespace

std::size_t first_invisible(std::string_view text, Newlines newlines) {
  for (std::size_t at = 0; at < text.size();) {
    const auto character = character_at(text, at);
    if (!is_shown(character, newlines)) return at;
    at += character.bytes;
  }
  return std::string_view::npos;
}

std::string visible(std::string_view text, Newlines newlines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto shown = text.substr(0, first_invisible(text, newlines));
    out += shown;
    text.remove_prefix(shown.size());
    if (text.empty()) break;
    const auto character = character_at(text, 0);
    spell(character, out);
    text.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace elves
