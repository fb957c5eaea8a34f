#include "dialect/json_writer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace elves::dialect {
namespace {

void append_escaped(Appender& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      return out.append("\\\"");
    case '\\':
      return out.append("\\\\");
    case '\n':
      return out.append("\\n");
    case '\r':
      return out.append("\\r");
    case '\t':
      return out.append("\\t");
    default:
      break;
  }
  if (c >= 0x80) return out.append("\xEF\xBF\xBD");
  out.append("\\u00");
  out.push(kHex[c >> 4U]);
  out.push(kHex[c & 0xFU]);
}

bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

// Whether all of the eight are. The highest bit of each byte tells: no sum of a plain byte has it, unless the
// byte below it is none and borrows.
bool are_plain(const char* eight) {
  constexpr std::uint64_t each = 0x0101010101010101;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, eight, sizeof bytes);
  const auto zero = [](std::uint64_t sums) { return (sums - each) & ~sums; };
  const auto not_plain = bytes | (bytes - 0x20 * each) | zero(bytes ^ '"' * each) | zero(bytes ^ '\\' * each);
  return (not_plain & 0x80 * each) == 0;
}

std::size_t skip_plain(std::string_view text, std::size_t at) {
  for (;;) {
    if (at + 8 <= text.size() && are_plain(text.data() + at)) {
      at += 8;
    } else if (at < text.size() && is_plain(static_cast<unsigned char>(text[at]))) {
      ++at;
    } else {
      return at;
    }
  }
}

void append_text(Appender& out, std::string_view text) {
  std::size_t copied = 0;
  for (std::size_t at = skip_plain(text, 0); at < text.size(); at = skip_plain(text, at)) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (const std::size_t length = c >= 0x80 ? utf8_length(text, at) : 0; length != 0) {
      at += length;
    } else {
      out.append(text.substr(copied, at - copied));
      append_escaped(out, c);
      copied = ++at;
    }
  }
  out.append(text.substr(copied));
}

}  // namespace

JsonWriter::JsonWriter(std::size_t size_hint) : out_(size_hint) { out_.push('{'); }

void JsonWriter::key(std::string_view name) {
  if (out_.view().back() != '{') out_.push(',');
  out_.push('"');
  out_.append(name);
  out_.append("\":");
}

void JsonWriter::begin(std::string_view name) {
  key(name);
  out_.push('{');
}

void JsonWriter::end() { out_.push('}'); }

void JsonWriter::text(std::string_view name, std::string_view value) {
  key(name);
  out_.push('"');
  append_text(out_, value);
  out_.push('"');
}

void JsonWriter::number(std::string_view name, std::int64_t value) {
  constexpr std::size_t most = 20;
  key(name);
  char* const digits = out_.room(most);
  out_.wrote_to(std::to_chars(digits, digits + most, value).ptr);
}

void JsonWriter::json(std::string_view name, std::string_view value) {
  key(name);
  out_.append(value);
}

std::string JsonWriter::finish() && {
  end();
  return out_.take();
}

}  // namespace elves::dialect
