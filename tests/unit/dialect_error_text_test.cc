// The words of every error.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dialect/error_text.h"

namespace elves::dialect {
namespace {

TEST(DialectErrorText, EveryRow) {
  struct Row {
    ErrorCode code;
    const char* text;
  };
  const std::vector<Row> rows = {{ErrorCode::message_malformed, "[400.1]Message Malformed"},
                                 {ErrorCode::unknown_action, "[400.2]Unknown Action"},
                                 {ErrorCode::illegal_ip, "[403.1]Request Params (ip) Illegal"},
                                 {ErrorCode::illegal_param, "[403.2]Request Params (param) Illegal"},
                                 {ErrorCode::illegal_app, "[403.3]Request Params (app) Illegal"},
                                 {ErrorCode::illegal_mode, "[403.4]Request Params (mode) Illegal"},
                                 {ErrorCode::illegal_func, "[403.7]Request Params (func) Illegal"},
                                 {ErrorCode::illegal_timeout, "[403.8]Request Params (timeout) Illegal"},
                                 {ErrorCode::illegal_id, "[403.10]Request Params (id) Illegal"},
                                 {ErrorCode::illegal_type, "[403.11]Request Params (type) Illegal"},
                                 {ErrorCode::send_failed, "[410.0]Send Job To Agent Fail..."},
                                 {ErrorCode::job_timeout, "[410.2]Job Timeout"},
                                 {ErrorCode::outcome_unknown, "[410.3]Job Outcome Unknown"},
                                 {ErrorCode::agent_answer_illegal, "[410.4]Agent Answer Illegal"},
                                 {ErrorCode::overloaded, "[410.5]Scheduler Overloaded"},
                                 {ErrorCode::app_not_found, "[413.2]App Not Found"},
                                 {ErrorCode::processor_failed, "[413.3]Send Result To Processor Fail"},
                                 {ErrorCode::internal, "[500]Internal ServerError"}};
  for (const Row& row : rows) {
    EXPECT_EQ(error_text({row.code, ""}, false), row.text);
    EXPECT_EQ(error_text({row.code, "why"}, false), std::string(row.text) + ": why");
    const std::string number(error_number(row.code, false));
    EXPECT_EQ(std::string(row.text).substr(1, number.size()), number);
  }
  EXPECT_EQ(error_text({ErrorCode::send_failed, ""}, true), "[410.1]Send Job To Agent Fail...");
  EXPECT_STREQ(error_number(ErrorCode::send_failed, true), "410.1");
}

}  // namespace
}  // namespace elves::dialect
