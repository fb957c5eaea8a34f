#include "ctl/url.h"

#include <charconv>
#include <cstdint>

#include "ctl/failure.h"

namespace elves::ctl {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Failure(kExitUsage, "--url: " + why + "; it looks like http://127.0.0.1:10180");
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, fault] = std::from_chars(text.begin(), text.end(), port);
  return fault == std::errc() && stop == text.end() && port > 0;
}

}  // namespace

std::string Url::authority() const {
  return (host.find(':') == host.npos ? host : '[' + host + ']') + ':' + port;
}

std::string Url::text() const { return (tls ? "https://" : "http://") + authority() + path; }

Url parse_url(std::string_view text) {
  Url url;
  if (const auto scheme = text.find("://"); scheme != text.npos) {
    url.tls = text.substr(0, scheme) == "https";
    if (!url.tls && text.substr(0, scheme) != "http") refuse("only http and https are spoken");
    text.remove_prefix(scheme + 3);
  }
  const auto slash = std::min(text.find('/'), text.size());
  url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  auto authority = text.substr(0, slash);
  if (authority.find('@') != authority.npos) refuse("it takes no user and password (--token-file)");
  const bool bracketed = authority.starts_with('[');
  const auto host_end = bracketed ? authority.find(']') : authority.find(':');
  url.host =
      authority.substr(bracketed ? 1 : 0, host_end - (bracketed && host_end != authority.npos ? 1 : 0));
  if (bracketed && host_end == authority.npos) refuse("a ] is missing");
  auto rest = authority.substr(std::min(bracketed ? host_end + 1 : host_end, authority.size()));
  if (url.host.empty()) refuse("it names no host");
  if (rest.empty()) return url;
  rest.remove_prefix(1);
  if (authority[authority.size() - rest.size() - 1] != ':' || !is_port(rest))
    refuse("the port is no number from 1 to 65535");
  url.port = rest;
  return url;
}

}  // namespace elves::ctl
