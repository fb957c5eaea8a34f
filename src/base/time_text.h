// Moments as text that other machines and programs understand.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <string>

#include "base/clock.h"

namespace elves {

// "2026-11-25T14:05:09Z". Any thread.
inline std::string utc_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// The same with milliseconds: "2026-11-25T14:05:09.042Z". Any thread.
inline std::string utc_text_ms(WallTime time) {
  const auto second = std::chrono::floor<Seconds>(time);
  std::string text = utc_text(second);
  text.pop_back();
  return text + fmt::format(".{:03}Z", std::chrono::floor<Millis>(time - second).count());
}

// Local time with its distance from UTC: "2026-11-25T22:05:09.042+08:00" (RFC 3339). Any thread.
inline std::string local_text(WallTime time) {
  const auto second = std::chrono::floor<Seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(second);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  const auto minutes = std::chrono::abs(std::chrono::seconds(parts.tm_gmtoff)).count() / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     std::chrono::floor<Millis>(time - second).count(), parts.tm_gmtoff < 0 ? '-' : '+',
                     minutes / 60, minutes % 60);
}

}  // namespace elves
