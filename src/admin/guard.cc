#include "admin/guard.h"

#include <arpa/inet.h>

#include <array>
#include <cstddef>
#include <string>

#include "admin/query.h"

namespace elves::admin {
namespace {

// Looks at every byte of `given`, so that the time taken tells nothing about `secret`.
bool same_secret(std::string_view given, std::string_view secret) {
  if (secret.empty()) return false;
  volatile unsigned char difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference = difference | static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

}  // namespace

Access access_of(std::string_view authorization, const Tokens& tokens) {
  if (tokens.none()) return Access::full;
  constexpr std::string_view kScheme = "Bearer ";
  if (!same_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return Access::none;
  authorization.remove_prefix(kScheme.size());
  const bool full = same_secret(authorization, tokens.full);
  const bool read_only = same_secret(authorization, tokens.read_only);
  if (full) return Access::full;
  return read_only ? Access::read_only : Access::none;
}

bool is_ip_literal(std::string_view text) {
  const std::string copy(text);
  std::array<unsigned char, sizeof(in6_addr)> ignored;
  return ::inet_pton(AF_INET, copy.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, copy.c_str(), ignored.data()) == 1;
}

bool is_direct_host(std::string_view host) {
  if (host.empty()) return true;
  if (host.front() == '[') return is_ip_literal(host.substr(1, host.find(']') - 1));
  host = host.substr(0, host.find(':'));
  return same_ignoring_case(host, "localhost") || is_ip_literal(host);
}

}  // namespace elves::admin
