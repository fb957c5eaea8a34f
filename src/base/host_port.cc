#include "base/host_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ip.h"

namespace elves {
namespace {

constexpr std::size_t kLongestName = 253;

bool is_v6(std::string_view text) {
  return text.find(':') != text.npos && IpAddress::parse(text).has_value();
}

bool is_name(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, fits);
}

// 0 for what is no port.
std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, port);
  return fault == std::errc() && stop == end ? port : 0;
}

}  // namespace

std::string endpoint_text(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != host.npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t otherwise) {
  const bool bare = is_v6(text);
  const auto colon = bare || text.ends_with(']') ? text.npos : text.rfind(':');
  auto host = text.substr(0, colon);
  const std::uint16_t port = colon == text.npos ? otherwise : port_of(text.substr(colon + 1));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool good = bare || (bracketed ? is_v6(host) : is_name(host));
  if (!good || port == 0) return std::nullopt;
  return HostPort{std::string(host), port};
}

}  // namespace elves
