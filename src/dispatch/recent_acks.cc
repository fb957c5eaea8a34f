#include "dispatch/recent_acks.h"

namespace elves {
namespace {

// So many acknowledgements are remembered.
constexpr std::size_t kMost = 100000;
// How long after a loss redeliveries are expected.
constexpr Seconds kExpected{600};

}  // namespace

void RecentAcks::add(std::uint64_t fingerprint, SteadyTime now) {
  if (fingerprint == 0) return;
  while (!recent_.empty() && (recent_.size() >= kMost || recent_.front().at + kSure < now))
    recent_.pop_front();
  recent_.push_back({fingerprint, now});
}

void RecentAcks::doubt(std::uint64_t fingerprint, SteadyTime now) {
  if (fingerprint != 0) doubtful_.emplace(fingerprint, now);
}

void RecentAcks::connection_lost(SteadyTime now) {
  std::erase_if(doubtful_, [now](const auto& doubt) { return doubt.second + kExpected < now; });
  for (const Ack& ack : recent_) {
    if (ack.at + kSure >= now) doubtful_.emplace(ack.fingerprint, now);
  }
  recent_.clear();
}

bool RecentAcks::take(std::uint64_t fingerprint, SteadyTime now) {
  const auto found = doubtful_.find(fingerprint);
  if (found == doubtful_.end()) return false;
  const bool in_time = found->second + kExpected >= now;
  doubtful_.erase(found);
  return in_time;
}

}  // namespace elves
