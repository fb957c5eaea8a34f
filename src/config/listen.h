// The address of something that listens: `host:port` or `[v6]:port`, the host an IP literal or "localhost".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace elves::config {

struct ListenAddress {
  std::string host;  // an IPv4 or IPv6 literal, without brackets
  std::uint16_t port = 0;

  // Whether only this machine can reach it.
  bool loopback() const;
};

// nullopt unless well-formed, with a port from 1 to 65535. "localhost" becomes 127.0.0.1.
std::optional<ListenAddress> parse_listen(const std::string& text);

// A port from 1 to 65535 in digits; nullopt for anything else.
std::optional<std::uint16_t> parse_port(const std::string& text);

// Whether `text` is an IPv4 or IPv6 literal.
bool is_ip_literal(const std::string& text);

}  // namespace elves::config
