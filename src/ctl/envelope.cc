#include "ctl/envelope.h"

#include <boost/json/value.hpp>

#include "ctl/failure.h"
#include "ctl/text.h"

namespace elves::ctl {
namespace {

namespace json = boost::json;

// The first part of {from}.scheduler.{action}...; "" when it is anything else.
std::string sender(const json::value& envelope) {
  const auto mqkey = member(envelope, "mqkey");
  const auto dot = mqkey.find('.');
  if (dot == mqkey.npos || mqkey.compare(dot, 11, ".scheduler.") != 0) return "";
  return mqkey.substr(0, dot);
}

// cron or queue of an asynchronous job, in either envelope.
std::string job_type(const json::value& envelope) {
  auto type = member(envelope, "job_type");
  if (!type.empty()) return type;
  const auto body = parse_json(member(envelope, "mqbody"));
  return body ? member(*body, "type") : "";
}

}  // namespace

std::string request_key(std::string_view envelope) {
  const auto from = sender(parse_json(envelope).value_or(nullptr));
  return (from.empty() ? "openapi" : from) + ".scheduler";
}

std::vector<std::string> reply_keys(std::string_view text) {
  constexpr std::string_view kCall = "call.";
  const auto envelope = parse_json(text).value_or(nullptr);
  const auto from = sender(envelope);
  if (from.empty()) {
    throw Failure(kExitUsage,
                  "--no-reply-to: the envelope has no mqkey of the form {from}.scheduler.{action}");
  }
  const auto mqtype = member(envelope, "mqtype");
  std::vector<std::string> keys{mqtype.starts_with(kCall) ? mqtype.substr(kCall.size())
                                                          : "scheduler." + from};
  const auto type = job_type(envelope);
  if ((type == "cron" || type == "queue") && keys.front() != "scheduler." + type)
    keys.push_back("scheduler." + type);
  return keys;
}

}  // namespace elves::ctl
