// What can go wrong with a job, apart from how it is worded on the wire (dialect/error_text.h has the words).
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace elves {

// One entry per row of docs/protocol.md, "Errors".
enum class ErrorCode : std::uint8_t {
  message_malformed,     // 400.1
  unknown_action,        // 400.2
  illegal_ip,            // 403.1
  illegal_param,         // 403.2
  illegal_app,           // 403.3
  illegal_mode,          // 403.4
  illegal_func,          // 403.7
  illegal_timeout,       // 403.8
  illegal_id,            // 403.10
  illegal_type,          // 403.11
  send_failed,           // 410.0 synchronous, 410.1 asynchronous: nothing left this process
  job_timeout,           // 410.2
  outcome_unknown,       // 410.3: it left, and may or may not have run
  agent_answer_illegal,  // 410.4
  overloaded,            // 410.5
  app_not_found,         // 413.2
  processor_failed,      // 413.3
  internal,              // 500
};

// An error with its particulars. `detail` is for a person, may be empty, and never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;

  friend bool operator==(const Error&, const Error&) = default;
};

// Lets Result<T>::value() throw; only code that has checked the result calls it.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.detail);
}

// A value or an Error. Test it like a bool; `*result` is the value, `result.error()` the error.
template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace elves
