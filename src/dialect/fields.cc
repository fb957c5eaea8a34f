#include "dialect/fields.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "dialect/json_text.h"

namespace elves::dialect {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr const char* kNameRule = "text of 1 to 255 bytes, not blank, without control characters";

bool is_name(std::string_view text) {
  return text.size() <= kMaxName && !is_blank(text) && is_printable(text);
}

bool is_ip_literal(const std::string& text) {
  in6_addr address;
  return is_printable(text) && (inet_pton(AF_INET, text.c_str(), &address) == 1 ||
                                inet_pton(AF_INET6, text.c_str(), &address) == 1);
}

// The number a timeout stands for; 0 for null and "", nullopt for what is no number.
std::optional<double> seconds_of(const JsonValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  const auto* text = std::get_if<std::string_view>(&value);
  if (text == nullptr) return std::nullopt;
  double seconds = 0;
  const char* end = text->data() + text->size();
  const auto [stop, fault] = std::from_chars(text->data(), end, seconds, std::chars_format::fixed);
  if (!text->empty() && (fault != std::errc() || stop != end)) return std::nullopt;
  return seconds;
}

}  // namespace

bool is_mode(std::string_view mode, Dialect dialect) {
  constexpr std::array<std::string_view, 4> kFlat{"sap", "ssp", "sanp", "ssnp"};
  constexpr std::array<std::string_view, 2> kBody{"p", "np"};
  std::string lower(mode);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  return dialect == Dialect::flat ? std::ranges::count(kFlat, lower) == 1
                                  : std::ranges::count(kBody, lower) == 1;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(' ') == std::string_view::npos; }

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// Null is as good as absent: released peers send either.
const JsonValue* FieldReader::find(std::string_view key) const {
  const JsonValue* value = source_.object.find(key);
  return value == nullptr || std::holds_alternative<JsonNull>(*value) ? nullptr : value;
}

std::optional<std::string_view> FieldReader::text(std::string_view key) const {
  const JsonValue* value = find(key);
  if (value == nullptr) return std::string_view();
  const auto* text = std::get_if<std::string_view>(value);
  return text != nullptr ? std::optional(*text) : std::nullopt;
}

std::optional<std::string> FieldReader::id_text(std::string_view key) const {
  const JsonValue* value = find(key);
  if (const auto* number = std::get_if<std::int64_t>(value)) return std::to_string(*number);
  if (const auto* number = std::get_if<std::uint64_t>(value)) return std::to_string(*number);
  const auto text = this->text(key);
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

void FieldReader::fail(ErrorCode code, std::string detail) {
  if (!fault_) fault_ = Error{code, std::move(detail)};
}

std::optional<JobType> FieldReader::type(std::string_view key) {
  const auto type = parse_job_type(text(key).value_or(""));
  if (type && *type != JobType::sync) return type;
  fail(ErrorCode::illegal_type, std::string(key) + " must be cron or queue");
  return std::nullopt;
}

void FieldReader::id() {
  job_.id = id_text("id").value_or("");
  if (is_blank(job_.id)) job_.id.clear();
  if (!is_name(job_.id)) fail(ErrorCode::illegal_id, std::string("id must be ") + kNameRule);
  if (job_.dialect == Dialect::flat) rand_id();
}

// An agent gets `id:rand_id`, and whoever reads that must find the same two again.
void FieldReader::rand_id() {
  const auto given = id_text("rand_id");
  job_.rand_id = given.value_or("");
  if (!given || (!given->empty() && !is_name(*given))) {
    fail(ErrorCode::illegal_id, std::string("rand_id must be ") + kNameRule);
  } else if (given->find(':') != std::string::npos) {
    fail(ErrorCode::illegal_id, "rand_id must not have a colon");
  } else if (given->empty() && job_.id.find(':') != std::string::npos) {
    fail(ErrorCode::illegal_id, "an id with a colon needs a rand_id");
  }
}

void FieldReader::task(std::string_view ip_key) {
  ip(ip_key);
  app();
  mode();
  func();
  param();
  timeout();
  proxy();
}

void FieldReader::ip(std::string_view key) {
  job_.agent_ip = text(key).value_or("");
  if (!is_ip_literal(job_.agent_ip)) {
    fail(ErrorCode::illegal_ip, std::string(key) + " must be an IPv4 or IPv6 address");
  }
}

// An app is a folder's name on the agent.
void FieldReader::app() {
  job_.app = text("app").value_or("");
  if (!is_name(job_.app)) {
    fail(ErrorCode::illegal_app, std::string("app must be ") + kNameRule);
  } else if (job_.app.find_first_of("/\\") != std::string::npos || job_.app == "." || job_.app == "..") {
    fail(ErrorCode::illegal_app, "app must not be a path");
  }
}

void FieldReader::mode() {
  const bool flat = job_.dialect == Dialect::flat;
  const auto given = text("mode");
  job_.mode = given.value_or("");
  if (given && given->empty()) {
    if (!flat) job_.mode = "NP";
  } else if (!is_mode(job_.mode, job_.dialect)) {
    fail(ErrorCode::illegal_mode, flat ? "mode must be sap, ssp, sanp or ssnp" : "mode must be P or NP");
  }
}

void FieldReader::func() {
  job_.func = text("func").value_or("");
  if (!is_name(job_.func)) fail(ErrorCode::illegal_func, std::string("func must be ") + kNameRule);
}

void FieldReader::param() {
  const JsonValue* value = find("param");
  if (std::get_if<JsonObject>(value) != nullptr || std::get_if<JsonArray>(value) != nullptr) {
    const auto object = source_.member.empty() ? source_.text : member_text(source_.text, source_.member);
    job_.param = compact_text(member_text(object, "param"));
    return;
  }
  const auto given = text("param");
  if (!given) return fail(ErrorCode::illegal_param, "param must be text, an object or an array");
  job_.param = *given;
}

void FieldReader::timeout() {
  job_.timeout = limits_.default_timeout;
  const JsonValue* value = find("timeout");
  const auto seconds = value == nullptr ? 0.0 : seconds_of(*value);
  const auto most = limits_.max_timeout.count();
  if (!seconds || !(*seconds >= 0 && *seconds <= static_cast<double>(most)) ||
      *seconds != std::floor(*seconds)) {
    return fail(ErrorCode::illegal_timeout, "timeout must be whole seconds, 0 to " + std::to_string(most));
  }
  if (*seconds > 0) job_.timeout = Seconds(static_cast<Seconds::rep>(*seconds));
}

// No error of its own in the table.
void FieldReader::proxy() {
  const auto given = text("proxy");
  job_.proxy = given.value_or("");
  if (!given || !is_printable(*given)) {
    fail(ErrorCode::message_malformed, "proxy must be text without control characters");
  }
}

}  // namespace elves::dialect
