// IP addresses and networks, compared by what they reach and not by how they are spelled.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace elves {

// An IPv4 address inside IPv6 (::ffff:10.0.0.1) is the IPv4 address: connecting to either reaches the same
// machine.
class IpAddress {
 public:
  // What inet_pton takes: no name, no zone, no number in another form than a.b.c.d.
  static std::optional<IpAddress> parse(std::string_view text);

  bool v4() const;
  // Whether one machine can have it: not 0.0.0.0 or ::, which connect to the caller's own machine, not
  // multicast, not broadcast.
  bool of_a_machine() const;
  // Stands for all addresses of whoever has this one: an IPv6 host picks its own within a /64.
  IpAddress holder() const;
  // The usual spelling: a.b.c.d, or RFC 5952.
  std::string text() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  friend class Networks;
  IpAddress masked(unsigned prefix) const;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 as ::ffff:a.b.c.d
};

// A list of networks.
class Networks {
 public:
  // 10.0.0.0/8, 2001:db8::/32, 10.1.2.3 (that address alone), with commas between and blanks around; "" = an
  // empty list. nullopt when one is none, or has bits beyond its prefix: it may not be what was meant.
  static std::optional<Networks> parse(std::string_view text);

  bool empty() const { return networks_.empty(); }
  // No list contains an address that is not one machine's. IPv4 addresses are in IPv4 networks only: not even
  // in ::/0.
  bool contains(const IpAddress& address) const;
  // The same of a literal; false for what is none.
  bool contains(std::string_view literal) const;
  std::string text() const;

  friend bool operator==(const Networks&, const Networks&) = default;

 private:
  struct Network {
    IpAddress first;
    unsigned prefix = 128;  // of the 16 bytes
    friend bool operator==(const Network&, const Network&) = default;
  };
  static std::optional<Network> parse_one(std::string_view text);
  std::vector<Network> networks_;
};

}  // namespace elves
