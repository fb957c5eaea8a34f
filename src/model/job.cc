#include "model/job.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace elves {

namespace {

using ByteDigits = std::array<std::array<char, 2>, 256>;

constexpr ByteDigits byte_digits = [] {
  constexpr std::string_view digits = "0123456789ABCDEF";
  ByteDigits all{};
  for (std::size_t byte = 0; byte < all.size(); ++byte) all[byte] = {digits[byte >> 4], digits[byte & 0xF]};
  return all;
}();

}  // namespace

std::optional<LogId> LogId::parse(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 16 || fault != std::errc() || stop != end) return std::nullopt;
  return LogId(value);
}

HexText::HexText(std::uint64_t value) {
  for (std::size_t i = digits_.size(); i > 0; value >>= 8) {
    i -= 2;
    std::ranges::copy(byte_digits[value & 0xFF], &digits_[i]);
  }
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

std::optional<JobType> parse_job_type(std::string_view text) {
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

WireId Job::wire_id() const {
  if (synchronous()) return WireId(log_id.text());
  return WireId(rand_id.empty() ? id : id + ':' + rand_id);
}

}  // namespace elves
