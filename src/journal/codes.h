// The numbers that idl/journal.thrift gives to the values of this program.
#pragma once

#include <array>
#include <utility>

#include "base/error.h"
#include "elves/journal_types.h"
#include "model/job.h"

namespace elves::journal {

template <class Value, class Stored, std::size_t Count>
using Codes = std::array<std::pair<Value, Stored>, Count>;

inline constexpr Codes<ErrorCode, StoredErrorCode::type, 18> error_codes{{
    {ErrorCode::internal, StoredErrorCode::internal},
    {ErrorCode::message_malformed, StoredErrorCode::message_malformed},
    {ErrorCode::unknown_action, StoredErrorCode::unknown_action},
    {ErrorCode::illegal_ip, StoredErrorCode::illegal_ip},
    {ErrorCode::illegal_param, StoredErrorCode::illegal_param},
    {ErrorCode::illegal_app, StoredErrorCode::illegal_app},
    {ErrorCode::illegal_mode, StoredErrorCode::illegal_mode},
    {ErrorCode::illegal_func, StoredErrorCode::illegal_func},
    {ErrorCode::illegal_timeout, StoredErrorCode::illegal_timeout},
    {ErrorCode::illegal_id, StoredErrorCode::illegal_id},
    {ErrorCode::illegal_type, StoredErrorCode::illegal_type},
    {ErrorCode::send_failed, StoredErrorCode::send_failed},
    {ErrorCode::job_timeout, StoredErrorCode::job_timeout},
    {ErrorCode::outcome_unknown, StoredErrorCode::outcome_unknown},
    {ErrorCode::agent_answer_illegal, StoredErrorCode::agent_answer_illegal},
    {ErrorCode::overloaded, StoredErrorCode::overloaded},
    {ErrorCode::app_not_found, StoredErrorCode::app_not_found},
    {ErrorCode::processor_failed, StoredErrorCode::processor_failed},
}};
inline constexpr Codes<JobType, StoredType::type, 3> type_codes{{
    {JobType::sync, StoredType::sync},
    {JobType::cron, StoredType::cron},
    {JobType::queue, StoredType::queue},
}};
inline constexpr Codes<Dialect, StoredDialect::type, 2> dialect_codes{{
    {Dialect::flat, StoredDialect::flat},
    {Dialect::body, StoredDialect::body},
}};

// What is not in the table becomes its first row.
template <class Value, class Stored, std::size_t Count>
Stored code_of(const Codes<Value, Stored, Count>& table, Value value) {
  for (const auto& [known, stored] : table) {
    if (known == value) return stored;
  }
  return table[0].second;
}
template <class Value, class Stored, std::size_t Count>
Value value_of(const Codes<Value, Stored, Count>& table, Stored code) {
  for (const auto& [known, stored] : table) {
    if (stored == code) return known;
  }
  return table[0].first;
}

}  // namespace elves::journal
