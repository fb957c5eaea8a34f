#include "model/job.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace elves {

std::optional<LogId> LogId::parse(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 16 || fault != std::errc() || stop != end) return std::nullopt;
  return LogId(value);
}

HexText::HexText(std::uint64_t value) {
  for (std::size_t i = 0; i < digits_.size(); ++i)
    digits_[i] = "0123456789ABCDEF"[value >> (60 - 4 * i) & 0xF];
}

const char* wire_name(JobType type) {
  switch (type) {
    case JobType::cron:
      return "cron";
    case JobType::queue:
      return "queue";
    case JobType::sync:
      break;
  }
  return "rt";
}

std::optional<JobType> parse_job_type(const std::string& text) {
  for (const auto type : {JobType::sync, JobType::cron, JobType::queue}) {
    if (text == wire_name(type)) return type;
  }
  return std::nullopt;
}

bool Job::wants_processor() const {
  std::string lower(mode);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower == "sap" || lower == "ssp";
}

std::string Job::request() const {
  if (fingerprint == 0) return {};
  return std::string(HexText(fingerprint));
}

std::string Job::wire_id() const {
  if (synchronous()) return std::string(log_id.text());
  return rand_id.empty() ? id : id + ':' + rand_id;
}

}  // namespace elves
