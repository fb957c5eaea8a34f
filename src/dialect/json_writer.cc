#include "dialect/json_writer.h"

#include <array>
#include <charconv>
#include <utility>

namespace elves::dialect {
namespace {

// The length of the well-formed UTF-8 sequence (RFC 3629) that starts at `at`; 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned lead = byte(0);
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;   // overlong
    if (lead == 0xED) high = 0x9F;  // surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;   // overlong
    if (lead == 0xF4) high = 0x8F;  // beyond U+10FFFF
  } else {
    return 0;
  }
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

void append_escaped(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (c >= 0x80) {
    out += "\xEF\xBF\xBD";
  } else {
    out += "\\u00";
    out += kHex[c >> 4U];
    out += kHex[c & 0xFU];
  }
}

void append_text(std::string& out, std::string_view text) {
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++at;
    } else if (const std::size_t length = c >= 0x80 ? sequence_length(text, at) : 0; length != 0) {
      at += length;
    } else {
      out.append(text, copied, at - copied);
      append_escaped(out, c);
      copied = ++at;
    }
  }
  out.append(text, copied, text.size() - copied);
}

}  // namespace

JsonWriter::JsonWriter(std::size_t size_hint) {
  out_.reserve(size_hint);
  out_ += '{';
}

void JsonWriter::key(std::string_view name) {
  if (out_.back() != '{') out_ += ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

void JsonWriter::begin(std::string_view name) {
  key(name);
  out_ += '{';
}

void JsonWriter::end() { out_ += '}'; }

void JsonWriter::text(std::string_view name, std::string_view value) {
  key(name);
  out_ += '"';
  append_text(out_, value);
  out_ += '"';
}

void JsonWriter::number(std::string_view name, std::int64_t value) {
  key(name);
  std::array<char, 24> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out_.append(digits.data(), written.ptr);
}

void JsonWriter::json(std::string_view name, std::string_view value) {
  key(name);
  out_ += value;
}

std::string JsonWriter::finish() && {
  end();
  return std::move(out_);
}

}  // namespace elves::dialect
