// Who may connect to a port, and how many at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/ip.h"
#include "base/rarely.h"

namespace elves {

struct DoorLimits {
  Networks allow{};                     // who may come; empty = anybody
  std::size_t max_connections = 20000;  // at a time
  std::size_t max_per_address = 1000;   // of them from one address, or from one IPv6 network of /64
};

// The settings of those limits, for people.
struct DoorKeys {
  const char* allow;
  const char* max_connections;
  const char* max_per_address;
};

// Counts the connections of one port, or of several that share its limits. One thread; but for count(), which
// any may ask. The places it gives out may outlive it.
class Door {
 public:
  // Why one is not let in, or sent away.
  enum class Refusal : std::uint8_t { stranger, full, address_full, slow, broken };
  // One connection's right to be there, until it is dropped.
  using Place = std::shared_ptr<const void>;
  // Hears of each one.
  using OnRefused = std::function<void(Refusal)>;

  Door(DoorKeys keys, DoorLimits limits, OnRefused on_refused = {});

  // A place for a connection from `address` (a literal), or nullptr: it is to be closed at once. That is
  // counted, and logged now and then.
  Place enter(const std::string& address);
  // Counts and logs one that is closed because its peer is too slow, or breaks the protocol; `detail` says
  // how.
  void expel(Refusal why, const std::string& address, const std::string& detail);
  // For those that come from now on; nobody inside is sent away.
  void set_limits(DoorLimits limits) { limits_ = std::move(limits); }
  std::size_t count() const;

 private:
  struct Inside {
    std::atomic<std::size_t> all{0};
    std::map<IpAddress, std::size_t> of_address;
  };

  const DoorKeys keys_;
  DoorLimits limits_;
  const OnRefused on_refused_;
  const std::shared_ptr<Inside> inside_ = std::make_shared<Inside>();
  std::array<Rarely, 5> rarely_;  // by Refusal
};

}  // namespace elves
