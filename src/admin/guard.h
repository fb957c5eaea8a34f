// Who may use the job API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace elves::admin {

// "" = there is no such token; with neither, whoever reaches the server may do everything.
struct Tokens {
  std::string full;
  std::string read_only;

  bool none() const { return full.empty() && read_only.empty(); }
};

enum class Access : std::uint8_t { none, read_only, full };

// What the bearer of `authorization` ("Bearer <token>") may do; takes the same time wherever a token differs.
Access access_of(std::string_view authorization, const Tokens& tokens);

// Whether a request's Host names this machine without DNS: localhost or an IP literal, with or without port,
// or no Host at all. A web page can reach a loopback address only under its own name.
bool is_direct_host(std::string_view host);

// Whether `text` is an IPv4 or IPv6 literal.
bool is_ip_literal(std::string_view text);

}  // namespace elves::admin
