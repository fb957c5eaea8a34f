#include "agent/breaker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace elves::agent {
namespace {

constexpr Seconds kFirstPause{1};

}  // namespace

bool Breaker::refuses(const BreakerOptions& options, SteadyTime now) const {
  return options.failures > 0 && open_ && (probing_ || now < until_);
}

Breaker::Pass Breaker::ask(const BreakerOptions& options, SteadyTime now) {
  if (refuses(options, now)) return Pass::refused;
  if (options.failures == 0 || !open_) return Pass::normal;
  probing_ = true;
  return Pass::probe;
}

bool Breaker::unanswered(Pass pass, const BreakerOptions& options, SteadyTime now) {
  if (pass == Pass::probe) probing_ = false;
  ++failures_;
  ++unanswered_;
  failed_at_ = now;
  if (open_ && pass != Pass::probe) return false;  // it was tried before the others had failed
  const bool opens = !open_ && options.failures > 0 && unanswered_ >= options.failures;
  if (!open_ && !opens) return false;
  pause_ = std::min(opens ? kFirstPause : 2 * pause_, options.pause);
  until_ = now + pause_;
  return !std::exchange(open_, true);
}

bool Breaker::failed_at_once(SteadyTime now) {
  ++failures_;
  failed_at_ = now;
  return close();
}

void Breaker::spared(Pass pass) {
  if (pass == Pass::probe) probing_ = false;
}

bool Breaker::reached() {
  failures_ = 0;
  return close();
}

bool Breaker::close() {
  unanswered_ = 0;
  probing_ = false;
  return std::exchange(open_, false);
}

std::string Breaker::reason(const char* name, SteadyTime now) const {
  const auto why = fmt::format("the {} did not answer {} times in a row", name, unanswered_);
  if (probing_) return why + "; it is being tried";
  return fmt::format("{}; not tried again for {} s", why, std::chrono::ceil<Seconds>(until_ - now).count());
}

bool Breaker::forgettable(SteadyTime now, Seconds old) const {
  return failures_ == 0 || (failed_at_ + old <= now && (!open_ || until_ <= now));
}

}  // namespace elves::agent
