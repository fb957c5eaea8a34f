#include "config/hosts.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "config/listen.h"

namespace elves::config {
namespace {

constexpr std::size_t kLongestName = 253;

bool is_digit(unsigned char c) { return std::isdigit(c) != 0; }

bool is_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  const bool plain = std::ranges::all_of(text, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '.' || c == '-' || c == '_');
  });
  const auto last = text.substr(std::min(text.rfind('.') + 1, text.size()));
  return plain && !text.empty() && text.size() <= kLongestName && !text.starts_with('.') &&
         text.find("..") == text.npos && !std::ranges::all_of(last, is_digit);
}

bool is_member(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto end_of_v6 = text.starts_with('[') ? text.find(']') : text.npos;
  const bool has_port = colon != text.npos && (end_of_v6 == text.npos || colon > end_of_v6);
  if (has_port && !parse_port(std::string(text.substr(colon + 1)))) return false;
  const auto host = has_port ? text.substr(0, colon) : text;
  if (end_of_v6 == text.npos) return is_host(std::string(host)) && host.find(':') == host.npos;
  return host.ends_with(']') && is_ip_literal(std::string(host.substr(1, host.size() - 2)));
}

bool is_chroot(std::string_view text) {
  return text.size() > 1 && !text.ends_with('/') && text.find("//") == text.npos &&
         text.find_first_of(", \t") == text.npos;
}

}  // namespace

bool is_host(const std::string& text) { return is_ip_literal(text) || is_name(text); }

bool is_host_or_none(const std::string& text) { return text.empty() || is_host(text); }

bool is_ensemble(const std::string& text) {
  const std::string_view whole = text;
  const auto slash = std::min(whole.find('/'), whole.size());
  const auto members = whole.substr(0, slash);
  if (slash < whole.size() && (members.empty() || !is_chroot(whole.substr(slash)))) return false;
  for (std::size_t begin = 0; begin < members.size();) {
    const auto end = std::min(members.find(',', begin), members.size());
    if (!is_member(members.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace elves::config
