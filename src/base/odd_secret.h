// Why a secret is probably not the one that was meant.
#pragma once

#include <string_view>

namespace elves {

// Completes "it ...": "ends with a line end". "" when nothing about it is odd. Says nothing of what it is.
inline std::string_view oddity(std::string_view secret) {
  if (secret.empty()) return "is empty";
  if (secret.starts_with("\xEF\xBB\xBF")) return "begins with a byte order mark";
  if (secret.ends_with('\n') || secret.ends_with('\r')) return "ends with a line end";
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\f'; };
  if (is_blank(secret.back())) return "ends with a blank";
  if (is_blank(secret.front())) return "begins with a blank";
  const bool quoted = secret.front() == secret.back() && (secret.front() == '"' || secret.front() == '\'');
  if (secret.size() > 1 && quoted) return "stands in quotes";
  for (const unsigned char c : secret) {
    if (c < 0x20 || c == 0x7F) return "has a control character in it";
  }
  return "";
}

}  // namespace elves
