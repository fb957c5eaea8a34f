// Whether a file that should hold UTF-8 text was saved as something else.
#pragma once

#include <string>
#include <string_view>

namespace elves {

// "", or what is wrong with all of `text` and what to do, to stand after the file's name: "is UTF-16 text:
// save it as UTF-8". Single bytes that are no UTF-8 are not looked for.
inline std::string encoding_fault(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return "is UTF-16 text, as some editors on Windows save it: save it as UTF-8";
  if (text.find('\0') != std::string_view::npos)
    return "has NUL bytes in it, as UTF-16 text, a binary file or a damaged one has: save it as UTF-8";
  return "";
}

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of UTF-8

}  // namespace elves
