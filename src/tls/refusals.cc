#include "tls/refusals.h"

#include <fmt/format.h>

#include "base/log.h"

namespace elves::tls {
namespace {

constexpr Seconds kPause{60};
constexpr std::size_t kMostPeers = 1000;

}  // namespace

void Refusals::tell(const std::string& peer, const std::string& reason) {
  if (metrics_) metrics_->count(Event::tls_refused);
  const auto now = std::chrono::steady_clock::now();
  std::string more;
  {
    const std::lock_guard lock(mutex_);
    const auto old = [now](const auto& entry) { return now - entry.second.at >= kPause; };
    if (const auto known = told_.find(peer); known != told_.end()) {
      if (!old(*known)) {
        ++known->second.unsaid;
        return;
      }
      if (known->second.unsaid > 0)
        more = fmt::format(" ({} more since the last line)", known->second.unsaid);
    }
    if (told_.size() >= kMostPeers) std::erase_if(told_, old);
    if (told_.size() >= kMostPeers) return;
    told_[peer] = {now, 0};
  }
  log::warn("{}: no TLS connection: {}{}", peer, reason, more);
}

}  // namespace elves::tls
