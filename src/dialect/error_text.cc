#include "dialect/error_text.h"

namespace elves::dialect {
namespace {

struct Wording {
  const char* number;
  const char* text;
};

Wording wording(ErrorCode code, bool asynchronous) {
  switch (code) {
    case ErrorCode::message_malformed:
      return {"400.1", "Message Malformed"};
    case ErrorCode::unknown_action:
      return {"400.2", "Unknown Action"};
    case ErrorCode::illegal_ip:
      return {"403.1", "Request Params (ip) Illegal"};
    case ErrorCode::illegal_param:
      return {"403.2", "Request Params (param) Illegal"};
    case ErrorCode::illegal_app:
      return {"403.3", "Request Params (app) Illegal"};
    case ErrorCode::illegal_mode:
      return {"403.4", "Request Params (mode) Illegal"};
    case ErrorCode::illegal_func:
      return {"403.7", "Request Params (func) Illegal"};
    case ErrorCode::illegal_timeout:
      return {"403.8", "Request Params (timeout) Illegal"};
    case ErrorCode::illegal_id:
      return {"403.10", "Request Params (id) Illegal"};
    case ErrorCode::illegal_type:
      return {"403.11", "Request Params (type) Illegal"};
    case ErrorCode::send_failed:
      return {asynchronous ? "410.1" : "410.0", "Send Job To Agent Fail..."};
    case ErrorCode::job_timeout:
      return {"410.2", "Job Timeout"};
    case ErrorCode::outcome_unknown:
      return {"410.3", "Job Outcome Unknown"};
    case ErrorCode::agent_answer_illegal:
      return {"410.4", "Agent Answer Illegal"};
    case ErrorCode::overloaded:
      return {"410.5", "Scheduler Overloaded"};
    case ErrorCode::app_not_found:
      return {"413.2", "App Not Found"};
    case ErrorCode::processor_failed:
      return {"413.3", "Send Result To Processor Fail"};
    case ErrorCode::internal:
      break;
  }
  return {"500", "Internal ServerError"};
}

}  // namespace

std::string error_text(const Error& error, bool asynchronous) {
  const Wording words = wording(error.code, asynchronous);
  std::string text;
  text.append("[").append(words.number).append("]").append(words.text);
  if (!error.detail.empty()) text.append(": ").append(error.detail);
  return text;
}

const char* error_number(ErrorCode code, bool asynchronous) { return wording(code, asynchronous).number; }

ErrorCode error_code(std::string_view number) {
  for (int i = 0; i < static_cast<int>(ErrorCode::internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (number == error_number(code, true) || number == error_number(code, false)) return code;
  }
  return ErrorCode::internal;
}

}  // namespace elves::dialect
