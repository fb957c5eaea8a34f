// Tells of peers that get no TLS connection: each is counted, and the log is not flooded.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/event.h"

namespace elves::tls {

// Any thread.
class Refusals {
 public:
  // `metrics`, if any, must outlive it.
  explicit Refusals(MetricsSink* metrics) : metrics_(metrics) {}

  // Counts, and writes one warning a minute for each peer, with how many there were since the last. While
  // more than a thousand peers are refused within a minute, the others are only counted.
  void tell(const std::string& peer, const std::string& reason);

 private:
  struct Told {
    SteadyTime at;
    std::uint64_t unsaid;  // since then
  };

  MetricsSink* const metrics_;
  std::mutex mutex_;
  std::map<std::string, Told> told_;
};

}  // namespace elves::tls
