// Where something listens, as people write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace elves {

// "10.0.0.1:80", "[::1]:80", "name:80".
std::string endpoint_text(const std::string& host, std::uint16_t port);

struct HostPort {
  std::string host;  // a name or an IP literal, without brackets
  std::uint16_t port = 0;

  std::string text() const { return endpoint_text(host, port); }
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// host:port, [IPv6]:port, or with `otherwise` (unless 0) just host, [IPv6] or IPv6. nullopt for what is none:
// no port, another character than a name or address has, or a name of more than 253.
std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t otherwise = 0);

}  // namespace elves
