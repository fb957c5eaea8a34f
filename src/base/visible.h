// Text that others wrote, made safe to show: what a terminal would obey is spelled out. "\e[2J" would clear
// the screen, a carriage return hide the line before it, a newline in a log line pretend to be another entry.
#pragma once

#include <string>
#include <string_view>

namespace elves {

enum class Newlines : unsigned char { kept, escaped };

// `text` with each control character (C0 but tab, DEL, C1), each control of writing direction, each line
// separator of Unicode and each byte that is not UTF-8 as \n, \r, \x1b or \u202e.
std::string visible(std::string_view text, Newlines newlines);

// The same, appended to `out`; the usual text, which has none of them, at the cost of a copy.
template <class Out>
void append_visible(std::string_view text, Newlines newlines, Out& out);

// Where the first character stands that is not shown as it is; npos when all are.
std::size_t first_invisible(std::string_view text, Newlines newlines);

template <class Out>
void append_visible(std::string_view text, Newlines newlines, Out& out) {
  const auto shown = text.substr(0, first_invisible(text, newlines));
  out.append(shown.data(), shown.data() + shown.size());
  if (shown.size() == text.size()) return;
  const auto rest = visible(text.substr(shown.size()), newlines);
  out.append(rest.data(), rest.data() + rest.size());
}

}  // namespace elves
