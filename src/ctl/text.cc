#include "ctl/text.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <utility>

#include "base/visible.h"

namespace elves::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 200;

// Lays out already valid JSON token by token, so that numbers and escapes stay as they came.
class Indenter {
 public:
  std::string run(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (in_string_) {
        out_ += c;
        if (c == '\\') out_ += text[++i];
        if (c == '"') in_string_ = false;
      } else if (std::isspace(static_cast<unsigned char>(c)) == 0) {
        structure(c);
      }
    }
    return std::move(out_);
  }

 private:
  void structure(char c) {
    if (c == '}' || c == ']') {
      --depth_;
      if (!fresh_) line();
      fresh_ = false;
    } else if (fresh_) {
      line();
      fresh_ = false;
    }
    out_ += c;
    if (c == '{' || c == '[') {
      ++depth_;
      fresh_ = true;
    } else if (c == ',') {
      line();
    } else if (c == ':') {
      out_ += ' ';
    }
    in_string_ = c == '"';
  }
  void line() { out_.append("\n").append(2 * depth_, ' '); }

  std::string out_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool fresh_ = false;  // just after { or [
};

// Characters, not bytes, of UTF-8.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code fault;
  auto value = json::parse(text, fault, {}, options);
  if (fault) return std::nullopt;
  return value;
}

std::string pretty_json(std::string_view json) {
  return parse_json(json) ? Indenter().run(json) : std::string(json);
}

std::string member(const json::value& object, std::string_view key) {
  const auto* fields = object.if_object();
  const auto* value = fields ? fields->if_contains(key) : nullptr;
  if (!value || value->is_null()) return "";
  const auto* text = value->if_string();
  return text ? std::string(*text) : json::serialize(*value);
}

std::string one_line(std::string_view text) {
  auto line = visible(text, Newlines::escaped);
  std::ranges::replace(line, '\t', ' ');
  return line;
}

std::string table(std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = one_line(row[i]);
      widths[i] = std::max(widths[i], width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace elves::ctl
