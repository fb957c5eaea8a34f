#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest_name.h"
#include "dialect/envelope.h"
#include "dialect/fields.h"
#include "dialect/json_document.h"

namespace elves::dialect {
namespace {

constexpr std::size_t kMaxComponent = 128;
constexpr std::size_t kMaxRoutingKey = 255;
constexpr std::size_t kMaxMqkey = 512;
constexpr std::size_t kMaxShown = 64;  // of what somebody wrote wrongly
constexpr std::string_view kOurselves = "scheduler";
constexpr std::string_view kBody = "mqbody";

struct Action {
  std::string_view name;
  Dialect dialect;
  bool synchronous;
};
constexpr std::array kActions{
    Action{"sendSync", Dialect::flat, true},
    Action{"sendAsync", Dialect::flat, false},
    Action{"syncJob", Dialect::body, true},
    Action{"asyncJob", Dialect::body, false},
};

const Action* find_action(std::string_view name) {
  const auto* found = std::ranges::find(kActions, name, &Action::name);
  return found == kActions.end() ? nullptr : found;
}

struct MqKey {
  std::string_view from;
  std::string_view action;
  std::string_view mid;
  std::string_view action_and_mid;  // with the dot between them
};

// What comes from "scheduler" is a message of our own that found its way back: answering it would never end.
bool is_component(std::string_view name) {
  const auto usable = [](unsigned char c) { return c > 0x20 && c != 0x7F && c != '*' && c != '#'; };
  return !name.empty() && name.size() <= kMaxComponent && name != kOurselves &&
         std::ranges::all_of(name, usable);
}

// {from}.scheduler.{action}[.{mid}]
std::optional<MqKey> parse_mqkey(std::string_view text) {
  constexpr std::string_view kMiddle = ".scheduler.";
  if (text.size() > kMaxMqkey || !is_printable(text)) return std::nullopt;
  const auto dot = std::min(text.find('.'), text.size());
  if (text.substr(dot, kMiddle.size()) != kMiddle) return std::nullopt;
  const auto rest = text.substr(dot + kMiddle.size());
  const auto action_end = std::min(rest.find('.'), rest.size());
  MqKey key{.from = text.substr(0, dot),
            .action = rest.substr(0, action_end),
            .mid = rest.substr(std::min(action_end + 1, rest.size())),
            .action_and_mid = rest};
  if (!is_component(key.from) || key.action.empty()) return std::nullopt;
  return key;
}

struct MqType {
  bool call = false;
  std::string_view key;  // of call.{key}
};

std::optional<MqType> parse_mqtype(std::string_view text) {
  constexpr std::string_view kCallKey = "call.";
  if (text == "call") return MqType{.call = true, .key = {}};
  if (text == "cast") return MqType{};
  if (!text.starts_with(kCallKey) || text.size() == kCallKey.size()) return std::nullopt;
  const auto key = text.substr(kCallKey.size());
  if (key.size() > kMaxRoutingKey || !is_printable(key)) return std::nullopt;
  return MqType{.call = true, .key = key};
}

class RequestDecoder {
 public:
  RequestDecoder(const JsonDocument& envelope, std::string_view text, const MessageProperties& properties,
                 const Limits& limits)
      : envelope_(envelope), text_(text), properties_(properties), limits_(limits) {}

  Request decode() &&;
  Request refuse(Error why) &&;

 private:
  std::string_view text(std::string_view key) const;
  void fail(ErrorCode code, std::string detail);
  bool wants_reply(const Action* action) const;
  std::optional<ReplyRoute> reply_route() const;
  const Action* read_envelope();
  bool looks_like_body() const;
  void name_sender(const MqKey& key, const Action* action);
  void read_job(const Action& action);
  void read_body(const Action& action);
  void read_fields(const Action& action, const FieldSource& source);

  const JsonDocument& envelope_;  // and the members of its mqbody
  std::string_view text_;
  const MessageProperties& properties_;
  const Limits& limits_;
  std::optional<MqKey> mqkey_;
  std::optional<MqType> mqtype_;
  bool component_known_ = false;  // the one that the terminal message goes to
  Request request_;
};

std::string_view RequestDecoder::text(std::string_view key) const {
  const auto* text = std::get_if<std::string_view>(envelope_.object().find(key));
  return text != nullptr ? *text : std::string_view();
}

void RequestDecoder::fail(ErrorCode code, std::string detail) {
  if (!request_.error) request_.error = Error{code, std::move(detail)};
}

// Who sends it, and what is to be done; nullptr when that is none of the actions.
const Action* RequestDecoder::read_envelope() {
  Job& job = request_.job;
  mqkey_ = parse_mqkey(text("mqkey"));
  mqtype_ = parse_mqtype(text("mqtype"));
  const Action* action = mqkey_ ? find_action(mqkey_->action) : nullptr;
  const Dialect guess = looks_like_body() ? Dialect::body : Dialect::flat;
  job.dialect = action != nullptr ? action->dialect : guess;
  job.timeout = limits_.default_timeout;
  if (mqkey_) name_sender(*mqkey_, action);
  return action;
}

bool RequestDecoder::looks_like_body() const { return envelope_.object().find(kBody) != nullptr; }

Request RequestDecoder::decode() && {
  Job& job = request_.job;
  const Action* action = read_envelope();
  if (wants_reply(action)) job.reply = reply_route();
  if (!mqkey_) {
    fail(ErrorCode::message_malformed,
         "mqkey must be {from}.scheduler.{action} or {from}.scheduler.{action}.{mid}");
  } else if (action == nullptr) {
    fail(ErrorCode::unknown_action, "");
  } else {
    read_job(*action);
  }
  request_.answerable = job.reply || (component_known_ && !job.id.empty());
  return std::move(request_);
}

// What a broken message says may have been meant otherwise: only the property reply_to is certain.
Request RequestDecoder::refuse(Error why) && {
  Job& job = request_.job;
  const Action* action = read_envelope();
  if (action != nullptr && action->dialect == Dialect::flat && !action->synchronous)
    job.type = JobType::queue;
  if (!properties_.reply_to.empty()) job.reply = reply_route();
  request_.error = std::move(why);
  request_.answerable = job.reply.has_value();
  return std::move(request_);
}

void RequestDecoder::name_sender(const MqKey& key, const Action* action) {
  request_.job.from = key.from;
  // With an unknown action the answer echoes it in front of the message's id.
  request_.job.mid = action != nullptr ? key.mid : key.action_and_mid;
}

bool RequestDecoder::wants_reply(const Action* action) const {
  const bool call = mqtype_ ? mqtype_->call : !properties_.reply_to.empty();
  if (action == nullptr) return call || !properties_.reply_to.empty();
  if (action->dialect == Dialect::flat) return action->synchronous || call;
  return action->synchronous && (call || !properties_.reply_to.empty());
}

std::optional<ReplyRoute> RequestDecoder::reply_route() const {
  const auto correlation =
      properties_.correlation_id.empty() ? properties_.message_id : properties_.correlation_id;
  const auto route = [&](bool direct, std::string key) {
    return ReplyRoute{
        .direct = direct, .routing_key = std::move(key), .correlation_id = std::string(correlation)};
  };
  if (!properties_.reply_to.empty()) return route(true, std::string(properties_.reply_to));
  if (mqtype_ && !mqtype_->key.empty()) return route(false, std::string(mqtype_->key));
  const Job& job = request_.job;
  if (job.dialect == Dialect::flat && !job.from.empty()) return route(false, "scheduler." + job.from);
  return std::nullopt;
}

void RequestDecoder::read_job(const Action& action) {
  if (!mqtype_) {
    fail(ErrorCode::message_malformed, "mqtype must be call, call.{key} or cast");
  } else if (action.dialect == Dialect::body && action.synchronous && mqtype_->call && !request_.job.reply) {
    fail(ErrorCode::message_malformed, "nowhere to reply: neither reply_to nor call.{key}");
  }
  if (!action.synchronous) request_.job.type = JobType::queue;  // unless it says better
  if (action.dialect == Dialect::flat) return read_fields(action, {envelope_.object(), text_, {}});
  read_body(action);
}

void RequestDecoder::read_body(const Action& action) {
  const JsonValue* body = envelope_.object().find(kBody);
  if (std::get_if<JsonObject>(body) != nullptr) return read_fields(action, {envelope_.inner(), text_, kBody});
  const auto* text = std::get_if<std::string_view>(body);
  if (text == nullptr)
    return fail(ErrorCode::message_malformed, "mqbody must be an object or text that holds one");
  JsonDocument inner;
  if (auto fault = inner.parse(*text, limits_)) return fail(fault->code, "mqbody: " + fault->detail);
  read_fields(action, {inner.object(), *text, {}});
}

void RequestDecoder::read_fields(const Action& action, const FieldSource& source) {
  Job& job = request_.job;
  const bool flat = action.dialect == Dialect::flat;
  FieldReader reader(source, limits_, job, request_.error);
  if (!action.synchronous) {
    auto type = reader.type(flat ? "job_type" : "type");
    if (!type) type = parse_job_type(job.from);
    component_known_ = type && *type != JobType::sync;
    if (component_known_) job.type = *type;
    reader.id();
  }
  reader.task(flat ? "agent_ip" : "ip");
}

// A field of the HTTP API that is none of its own would pass for one that was not given.
std::optional<Error> unknown_field(const JsonMembers& members) {
  constexpr std::array<std::string_view, 8> known{"ip",      "app",  "func",  "param",
                                                  "timeout", "mode", "proxy", "type"};
  for (const auto& [name, value] : members) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string detail("unknown field \"");
    detail.append(name.substr(0, kMaxShown)).append("\"; the nearest known one is ");
    detail.append(nearest_name(name, known));
    return Error{ErrorCode::message_malformed, std::move(detail)};
  }
  return std::nullopt;
}

// The type of a job of the HTTP API: where none is given, what its client does says it.
void api_type(FieldReader& reader, bool waits, Request& request) {
  const auto type = reader.text("type");
  const bool synchronous = type && *type == wire_name(JobType::sync);
  if (synchronous && !waits) {
    request.error =
        Error{ErrorCode::illegal_type,
              "a synchronous job (rt) needs a client that waits: add ?wait=true, or leave type out"};
  } else if (type && type->empty()) {
    request.job.type = waits ? JobType::sync : JobType::queue;
  } else if (!synchronous) {
    request.job.type = reader.type("type").value_or(JobType::sync);
  }
}

}  // namespace

Request decode_request(std::string_view body, const MessageProperties& properties, const Limits& limits) {
  JsonDocument document;
  auto fault = document.parse(body, limits, kBody);
  RequestDecoder decoder(document, body, properties, limits);
  return fault ? std::move(decoder).refuse(std::move(*fault)) : std::move(decoder).decode();
}

Request refuse_request(std::string_view body, const MessageProperties& properties, const Limits& limits,
                       Error why) {
  JsonDocument document;
  document.parse(body, limits, kBody);
  return RequestDecoder(document, body, properties, limits).refuse(std::move(why));
}

Request decode_api_job(std::string_view body, bool waits, const Limits& limits) {
  Request request;
  request.job.from = "http";
  request.job.announce = false;
  request.job.timeout = limits.default_timeout;
  JsonDocument document;
  request.error = document.parse(body, limits);
  if (!request.error) request.error = unknown_field(document.object());
  if (request.error) return request;
  FieldReader reader({document.object(), body, {}}, limits, request.job, request.error);
  api_type(reader, waits, request);
  reader.task("ip");
  return request;
}

}  // namespace elves::dialect
