#include "ctl/job_view.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "ctl/text.h"

namespace elves::ctl {
namespace {

namespace json = boost::json;

// Errors of the processor (413.*) come after the worker, and say nothing about it.
bool is_processor_error(const std::string& error) { return error.starts_with("[413."); }

// The agent was called, and what became of it is not known: no result in time, the connection lost, an answer
// that makes no sense, a fault of the scheduler's own.
bool may_have_run(const std::string& error) {
  constexpr std::array<std::string_view, 4> kCodes{"[410.2]", "[410.3]", "[410.4]", "[500]"};
  return std::ranges::any_of(kCodes, [&error](auto code) { return error.starts_with(code); });
}

bool agent_answered(const json::value& job) {
  const auto error = member(job, "error");
  return member(job, "agent_sync_flag") == "1" && (error.empty() || is_processor_error(error));
}

std::string result_word(const json::value& job) {
  if (!has_ended(job)) return "running";
  const auto code = exit_of(job);
  if (code == kExitNotDone && member(job, "error").empty()) return "not run";
  if (const auto error = member(job, "error"); !error.empty()) return error.substr(0, error.find(']') + 1);
  return code == kExitDone ? "succeeded" : "failed";
}

}  // namespace

bool has_ended(const json::value& job) {
  const auto state = member(job, "state");
  return state == "published" || (state == "settled" && member(job, "result_flag") != "2");
}

bool worker_answered(const json::value& job) { return agent_answered(job) && member(job, "flag") != "-1"; }

ExitCode exit_of(const json::value& job) {
  if (may_have_run(member(job, "error"))) return kExitUnknown;
  if (!agent_answered(job)) return kExitNotDone;
  const auto flag = member(job, "flag");
  if (flag == "1") return kExitDone;
  return flag == "0" ? kExitWorkerFailed : kExitNotDone;
}

std::string trouble(const json::value& job) {
  if (const auto error = member(job, "error"); !error.empty()) return one_line(error);
  switch (exit_of(job)) {
    case kExitWorkerFailed:
      return "the worker failed";
    case kExitNotDone:
      return "the agent could not run it: " + one_line(member(job, "worker_message"));
    default:
      return "";
  }
}

std::string details(const json::value& job) {
  constexpr const char* kMessage = "worker_message";
  std::vector<std::vector<std::string>> rows;
  if (const auto* fields = job.if_object()) {
    for (const auto& field : *fields) {
      const auto text = member(job, field.key());
      if (field.key() != kMessage && !text.empty()) rows.push_back({field.key(), text});
    }
  }
  auto text = table(rows);
  if (const auto message = member(job, kMessage); !message.empty()) {
    text.append(kMessage).append(":\n").append(message);
    if (message.back() != '\n') text += '\n';
  }
  return text;
}

std::string job_table(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{
      {"LOG_ID", "TYPE", "STATE", "AGENT", "APP", "FUNC", "STARTED", "RESULT"}};
  const auto* fields = listing.if_object();
  const auto* jobs = fields ? fields->if_contains("jobs") : nullptr;
  if (const auto* array = jobs ? jobs->if_array() : nullptr) {
    for (const auto& job : *array) {
      rows.push_back({member(job, "log_id"), member(job, "type"), member(job, "state"),
                      member(job, "agent_ip"), member(job, "app"), member(job, "func"),
                      member(job, "starttime"), result_word(job)});
    }
  }
  return table(rows);
}

}  // namespace elves::ctl
