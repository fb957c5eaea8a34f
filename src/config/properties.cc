#include "config/properties.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace elves::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

void append_utf8(std::uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[tail] | (code >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

// The length of the well-formed UTF-8 sequence that `text` begins with; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Undoes the escapes of one key or value.
class Unescaper {
 public:
  explicit Unescaper(std::string_view text) : rest_(text) {}

  std::string run() {
    std::string out;
    while (!rest_.empty()) {
      const char c = take();
      if (c != '\\' || rest_.empty()) {
        if (c != '\\') out += c;
        continue;
      }
      escape(take(), out);
    }
    return out;
  }

  const std::string& fault() const { return fault_; }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void escape(char c, std::string& out) {
    switch (c) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u':
        unicode(out);
        break;
      default:
        out += c;
    }
  }

  // The four hex digits after \u, consumed; nullopt (nothing consumed) when they are not there.
  std::optional<std::uint32_t> hex4() {
    std::uint32_t value = 0;
    const char* const begin = rest_.data();
    if (rest_.size() < 4 || std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4) return {};
    rest_.remove_prefix(4);
    return value;
  }

  void unicode(std::string& out) {
    const auto code = hex4();
    if (!code) {
      fault_ = "broken \\u escape: four hex digits must follow \\u";
    } else if (*code < 0xD800 || *code > 0xDFFF) {
      append_utf8(*code, out);
    } else {
      surrogate(*code, out);
    }
  }

  void surrogate(std::uint32_t high, std::string& out) {
    if (high < 0xDC00 && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      const auto low = hex4();
      if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
        append_utf8(0x10000 + ((high - 0xD800) << 10) + (*low - 0xDC00), out);
        return;
      }
    }
    fault_ = "broken \\u escape: half a surrogate pair";
  }

  std::string_view rest_;
  std::string fault_;
};

// Where the key of a logical line ends: at the first unescaped '=', ':' or blank.
std::size_t key_length(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] != '=' && line[at] != ':' && !is_blank(line[at])) {
    at += line[at] == '\\' ? 2 : 1;
  }
  return std::min(at, line.size());
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

Property to_property(std::string_view line, int number) {
  const std::string_view raw_key = line.substr(0, key_length(line));
  std::string_view raw_value = line.substr(raw_key.size());
  skip_blanks(raw_value);
  if (!raw_value.empty() && (raw_value.front() == '=' || raw_value.front() == ':'))
    raw_value.remove_prefix(1);
  skip_blanks(raw_value);

  Unescaper key(raw_key);
  Unescaper value(raw_value);
  Property property{key.run(), value.run(), number, "", false};
  property.fault = key.fault().empty() ? value.fault() : key.fault();
  if (!is_utf8(line)) property.fault = "not UTF-8 text";
  return property;
}

// Cuts the text into logical lines: comments and blank lines left out, continued lines joined.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  // False at the end of the text.
  bool next(std::string& line, int& number) {
    while (!rest_.empty()) {
      std::string_view natural = natural_line();
      if (natural.empty() || natural.front() == '#' || natural.front() == '!') continue;
      number = number_;
      line.clear();
      while (continued(natural)) {
        line += natural.substr(0, natural.size() - 1);
        natural = natural_line();
      }
      line += natural;
      return true;
    }
    return false;
  }

  // Whether the last line had no end.
  bool cut() const { return cut_; }

 private:
  // The next line of the file without its end and its leading blanks.
  std::string_view natural_line() {
    ++number_;
    std::size_t end = 0;
    while (end < rest_.size() && !is_line_end(rest_[end])) ++end;
    std::string_view line = rest_.substr(0, end);
    cut_ = end == rest_.size();
    rest_.remove_prefix(end);
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (!rest_.empty()) rest_.remove_prefix(1);
    skip_blanks(line);
    return line;
  }

  static bool continued(std::string_view line) {
    const std::size_t last = line.find_last_not_of('\\');
    const std::size_t slashes = line.size() - (last == std::string_view::npos ? 0 : last + 1);
    return slashes % 2 == 1;
  }

  std::string_view rest_;
  int number_ = 0;
  bool cut_ = false;
};

}  // namespace

std::vector<Property> parse_properties(std::string_view text) {
  std::vector<Property> properties;
  Lines lines(text);
  std::string line;
  for (int number = 0; lines.next(line, number);) {
    properties.push_back(to_property(line, number));
    properties.back().cut = lines.cut();
  }
  return properties;
}

}  // namespace elves::config
