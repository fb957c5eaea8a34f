#include "broker/outgoing.h"

#include <array>
#include <ctime>
#include <utility>

#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/error_text.h"
#include "dialect/notice.h"

namespace elves::broker {
namespace {

Outgoing encode_answer(const Answer& answer, const BrokerOptions& options) {
  Outgoing message;
  const bool terminal = answer.kind == Answer::Kind::terminal;
  ReplyRoute route = terminal ? dialect::terminal_route(*answer.job) : *answer.job->reply;
  message.exchange = route.direct ? "" : options.exchange;
  message.routing_key = std::move(route.routing_key);
  message.correlation_id = std::move(route.correlation_id);
  message.message_id = answer.job->log_id.text();
  // A reply queue is gone with the one who waits at it: writing its messages to disk would protect nobody.
  message.persistent = !route.direct;
  switch (answer.kind) {
    case Answer::Kind::reply:
      message.body = dialect::encode_reply(*answer.job, answer.outcome);
      break;
    case Answer::Kind::acceptance:
      message.body = dialect::encode_acceptance(*answer.job, answer.outcome);
      break;
    case Answer::Kind::terminal:
      message.body = dialect::encode_terminal(*answer.job, answer.outcome);
      break;
  }
  return message;
}

}  // namespace

Outgoing encode(Publication&& what, const BrokerOptions& options) {
  if (const auto* answer = std::get_if<Answer>(&what)) return encode_answer(*answer, options);
  Outgoing message;
  if (const auto* notice = std::get_if<Notice>(&what)) {
    message.exchange = peer_exchange(options);
    message.body = dialect::encode_notice(*notice);
    message.notice = true;
  } else {
    auto& letter = std::get<DeadLetter>(what);
    message.routing_key = kDeadQueue;
    message.body = std::exchange(letter.body, {});
    message.dead_letter = std::move(letter);
  }
  return message;
}

Outgoing dead_letter_of(Outgoing message, const std::string& why, bool with_body) {
  Outgoing letter;
  letter.dead_letter = DeadLetter{{}, std::move(message.routing_key), {ErrorCode::internal, why}};
  letter.routing_key = kDeadQueue;
  if (with_body) letter.body = std::move(message.body);
  letter.message_id = std::move(message.message_id);
  return letter;
}

void send(Connection& connection, const BrokerOptions& options, const Outgoing& message) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  properties.delivery_mode = message.persistent ? 2 : 1;
  if (message.notice) {
    properties._flags |= AMQP_BASIC_APP_ID_FLAG;
    properties.app_id = bytes(options.instance);
  }
  if (!message.message_id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(message.message_id);
  }
  if (!message.correlation_id.empty()) {
    properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.correlation_id = bytes(message.correlation_id);
  }
  std::string reason;
  std::string time;
  std::array<amqp_table_entry_t, 3> headers{};
  if (message.dead_letter) {
    reason = dialect::error_text(message.dead_letter->reason, false);
    time = std::to_string(std::time(nullptr));
    const auto header = [](const char* key, const std::string& value) {
      amqp_table_entry_t entry{};
      entry.key = amqp_cstring_bytes(key);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = bytes(value);
      return entry;
    };
    headers = {header("x-elves-error", reason),
               header("x-elves-routing-key", message.dead_letter->routing_key), header("x-elves-time", time)};
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {static_cast<int>(headers.size()), headers.data()};
  }
  amqp_basic_publish_t method{};
  method.exchange = bytes(message.exchange);
  method.routing_key = bytes(message.routing_key);
  method.mandatory = !message.notice;
  connection.publish(method, properties, message.body);
}

}  // namespace elves::broker
