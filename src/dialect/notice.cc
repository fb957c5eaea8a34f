#include "dialect/notice.h"

#include <algorithm>

#include "dialect/error_text.h"
#include "dialect/json_document.h"
#include "dialect/json_writer.h"
#include "dialect/limits.h"

namespace elves::dialect {
namespace {

constexpr std::string_view kWorked = "result";

std::string text_of(const JsonMembers& object, std::string_view key) {
  const auto* text = std::get_if<std::string_view>(object.find(key));
  return text != nullptr ? std::string(*text) : "";
}

std::int32_t number_of(const JsonMembers& object, std::string_view key) {
  const auto* number = std::get_if<std::int64_t>(object.find(key));
  return number != nullptr ? static_cast<std::int32_t>(*number) : 0;
}

}  // namespace

std::string encode_notice(const Notice& notice) {
  const AgentResult& result = notice.result;
  JsonWriter json(512 + std::min(result.answer.result.size(), kMaxNoticeResult));
  json.text("id", result.id);
  json.text("exec_id", result.exec_id);
  json.text("ip", result.ip);
  json.text("type", result.type);
  json.text("mode", result.mode);
  json.text("app", result.app);
  json.text("func", result.func);
  json.number("timeout", result.timeout);
  json.text("request", result.request);
  json.number("may_be_repeat", result.may_be_repeat ? 1 : 0);
  if (notice.error) {
    json.text("error", error_number(notice.error->code, true));
    json.text("detail", notice.error->detail);
  } else {
    json.number("flag", result.answer.flag);
    json.number("costtime", result.answer.costtime);
    json.text(kWorked, std::string_view(result.answer.result).substr(0, kMaxNoticeResult));
  }
  return std::move(json).finish();
}

Result<Notice> decode_notice(std::string_view body) {
  JsonDocument document;
  if (auto error = document.parse(body, Limits{})) return *error;
  const JsonMembers& object = document.object();
  Notice notice;
  AgentResult& result = notice.result;
  result.id = text_of(object, "id");
  result.exec_id = text_of(object, "exec_id");
  result.ip = text_of(object, "ip");
  result.type = text_of(object, "type");
  result.mode = text_of(object, "mode");
  result.app = text_of(object, "app");
  result.func = text_of(object, "func");
  result.timeout = number_of(object, "timeout");
  result.request = text_of(object, "request");
  result.may_be_repeat = number_of(object, "may_be_repeat") != 0;
  if (result.id.empty()) return Error{ErrorCode::message_malformed, "no notice of a scheduler"};
  if (object.find(kWorked) != nullptr) {
    result.answer = {number_of(object, "flag"), number_of(object, "costtime"), text_of(object, kWorked)};
  } else {
    notice.error = Error{error_code(text_of(object, "error")), text_of(object, "detail")};
  }
  return notice;
}

}  // namespace elves::dialect
