#include "config/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

namespace elves::config {
namespace {

std::optional<in_addr> parse_v4(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return {};
  return address;
}

std::optional<in6_addr> parse_v6(const std::string& text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return {};
  return address;
}

}  // namespace

std::optional<std::uint16_t> parse_port(const std::string& text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port == 0) return {};
  return port;
}

bool is_ip_literal(const std::string& text) { return parse_v4(text) || parse_v6(text); }

bool ListenAddress::loopback() const {
  if (const auto v4 = parse_v4(host)) return (ntohl(v4->s_addr) >> 24) == 127;
  const auto v6 = parse_v6(host);
  if (!v6) return false;
  return IN6_IS_ADDR_LOOPBACK(&*v6) || (IN6_IS_ADDR_V4MAPPED(&*v6) && v6->s6_addr[12] == 127);
}

std::optional<ListenAddress> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {};
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return {};
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!parse_v6(host)) return {};
  } else {
    if (host == "localhost") host = "127.0.0.1";
    if (!parse_v4(host)) return {};
  }
  return ListenAddress{std::move(host), *port};
}

}  // namespace elves::config
