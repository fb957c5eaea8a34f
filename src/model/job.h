// A job as every room sees it. Values only: no I/O, no clock. Names on the wire: docs/protocol.md.
#pragma once

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/clock.h"

namespace elves {

// 16 upper-case hex digits, without memory from the heap. (A std::string has room for 15 chars without, so
// that every log id would take some.)
class HexText {
 public:
  explicit HexText(std::uint64_t value);
  // Valid as long as this is.
  operator std::string_view() const { return {digits_.data(), digits_.size()}; }
  friend bool operator==(const HexText& left, std::string_view right) {
    return std::string_view(left) == right;
  }

 private:
  std::array<char, 16> digits_;
};

// What an agent knows a job by. That of a synchronous job takes no memory from the heap.
class WireId {
 public:
  explicit WireId(std::variant<HexText, std::string> id) : id_(std::move(id)) {}
  // Valid as long as this is.
  operator std::string_view() const {
    return std::visit([](const auto& id) { return std::string_view(id); }, id_);
  }
  std::string text() && {
    auto* const text = std::get_if<std::string>(&id_);
    return text != nullptr ? std::move(*text) : std::string(std::string_view(*this));
  }
  friend bool operator==(const WireId& left, std::string_view right) {
    return std::string_view(left) == right;
  }

 private:
  std::variant<HexText, std::string> id_;
};

// Names one execution; on the wire its text() (`log_id`). Logs take it as it is.
class LogId {
 public:
  LogId() = default;
  explicit LogId(std::uint64_t value) : value_(value) {}
  // Any case; nullopt unless exactly 16 hex digits.
  static std::optional<LogId> parse(const std::string& text);

  std::uint64_t value() const { return value_; }
  HexText text() const { return HexText(value_); }
  friend bool operator==(LogId, LogId) = default;

 private:
  std::uint64_t value_ = 0;
};

enum class JobType : std::uint8_t { sync, cron, queue };

// "rt", "cron", "queue": Instruct.type.
const char* wire_name(JobType type);
// The reverse of wire_name(); nullopt for anything else.
std::optional<JobType> parse_job_type(std::string_view text);

// Which envelope the job came in, and so which one its answers leave in.
enum class Dialect : std::uint8_t { flat, body };

// Where an answer goes on the broker.
struct ReplyRoute {
  bool direct = false;  // true: the default exchange (a queue's name); false: mq.exchange
  std::string routing_key;
  std::string correlation_id;  // "" = none

  friend bool operator==(const ReplyRoute&, const ReplyRoute&) = default;
};

// What was asked, by whom, of which machine. Strings are as the peer sent them unless said otherwise.
struct Job {
  LogId log_id;  // given by the dispatcher
  JobType type = JobType::sync;
  Dialect dialect = Dialect::flat;
  std::string from;      // asking component: "openapi", "cron", "queue"; "http" for the job API
  std::string caller;    // of the job API: its token's key and its address, "admin.token@10.0.0.5"; else ""
  std::string mid;       // flat: the message's id, last part of mqkey; may be ""
  std::string id;        // asynchronous: the initiator's id
  std::string rand_id;   // flat, asynchronous: with `id` names one execution; may be ""
  std::string agent_ip;  // an IPv4 or IPv6 literal
  std::string mode;      // as requested; may be ""
  std::string app;
  std::string func;
  std::string param;
  std::string proxy;
  Seconds timeout{0};  // in force, > 0
  std::optional<ReplyRoute>
      reply;                      // synchronous: the reply; asynchronous: the acceptance. None = nobody asked
  bool announce = true;           // asynchronous: its result is published to the component `type`
  bool may_be_repeat = false;     // an earlier attempt at this execution cannot be ruled out
  std::uint64_t fingerprint = 0;  // of the request: the same when it is delivered again, here or to another
                                  // scheduler; 0 = not from the broker

  bool synchronous() const { return type == JobType::sync; }
  // Whether the scheduler calls the app's processor after the worker (flat modes sap, ssp; any case).
  bool wants_processor() const;
  // Instruct.request: the fingerprint as 16 upper-case hex digits; "" when there is none.
  std::string request() const;
  // Instruct.id: the log id of a synchronous job; `id` or `id:rand_id` of an asynchronous one.
  WireId wire_id() const;
};

// Shared by the loop and the threads that encode; immutable once dispatched.
using JobPtr = std::shared_ptr<const Job>;

}  // namespace elves

template <>
struct fmt::formatter<elves::LogId> : fmt::formatter<std::string_view> {
  auto format(elves::LogId id, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(id.text(), context);
  }
};

template <>
struct std::hash<elves::LogId> {
  std::size_t operator()(elves::LogId id) const noexcept { return id.value(); }
};
