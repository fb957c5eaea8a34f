#include "base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace elves {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kV4Bits = 96;  // of that prefix

std::string_view trimmed(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return {};
  const std::string copy(text);
  IpAddress address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  std::ranges::copy(kV4Prefix, address.bytes_.begin());
  if (::inet_pton(AF_INET, copy.c_str(), &address.bytes_[kV4Prefix.size()]) == 1) return address;
  return {};
}

bool IpAddress::v4() const {
  return std::ranges::equal(kV4Prefix, std::span(bytes_).first<kV4Prefix.size()>());
}

bool IpAddress::of_a_machine() const {
  const auto all = [](auto bytes, std::uint8_t value) {
    return std::ranges::all_of(bytes, [value](std::uint8_t byte) { return byte == value; });
  };
  if (!v4()) return !all(std::span(bytes_), 0) && bytes_[0] != 0xFF;
  const auto own = std::span(bytes_).last<4>();
  return !all(own, 0) && !all(own, 0xFF) && (own[0] & 0xF0) != 0xE0;
}

IpAddress IpAddress::masked(unsigned prefix) const {
  IpAddress masked = *this;
  for (unsigned bit = prefix; bit < 128; ++bit) {
    masked.bytes_[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return masked;
}

IpAddress IpAddress::holder() const { return v4() ? *this : masked(64); }

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool four = v4();
  ::inet_ntop(four ? AF_INET : AF_INET6, &bytes_[four ? kV4Prefix.size() : 0], text.data(), text.size());
  return text.data();
}

std::optional<Networks::Network> Networks::parse_one(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return {};
  Network network{*address, 128};
  if (slash == text.size()) return network;
  const auto number = text.substr(slash + 1);
  const auto [stop, fault] = std::from_chars(number.data(), number.data() + number.size(), network.prefix);
  if (fault != std::errc() || stop != number.data() + number.size()) return {};
  const bool short_form = address->v4() && text.find(':') == std::string_view::npos;
  if (network.prefix > (short_form ? 128 - kV4Bits : 128)) return {};
  if (short_form) network.prefix += kV4Bits;
  if (address->v4() && network.prefix < kV4Bits) return {};
  return address->masked(network.prefix) == *address ? std::optional(network) : std::nullopt;
}

std::optional<Networks> Networks::parse(std::string_view text) {
  Networks list;
  if (trimmed(text).empty()) return list;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto network = parse_one(trimmed(text.substr(begin, end - begin)));
    if (!network) return {};
    list.networks_.push_back(*network);
    begin = end + 1;
  }
  return list;
}

bool Networks::contains(const IpAddress& address) const {
  return address.of_a_machine() && std::ranges::any_of(networks_, [&](const Network& network) {
           return address.v4() == network.first.v4() && address.masked(network.prefix) == network.first;
         });
}

bool Networks::contains(std::string_view literal) const {
  const auto address = IpAddress::parse(literal);
  return address && contains(*address);
}

std::string Networks::text() const {
  std::string text;
  for (const auto& [first, prefix] : networks_) {
    if (!text.empty()) text += ',';
    text += first.text();
    if (prefix < 128) text += '/' + std::to_string(first.v4() ? prefix - kV4Bits : prefix);
  }
  return text;
}

}  // namespace elves
