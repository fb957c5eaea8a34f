#include "broker/outgoing.h"

#include <array>
#include <ctime>
#include <utility>

#include "broker/topology.h"
#include "dialect/envelope.h"
#include "dialect/error_text.h"
#include "dialect/notice.h"
#include "dialect/reworded.h"

namespace elves::broker {
namespace {

constexpr std::size_t kMostReason = 1500;  // all headers fit in the smallest frame that AMQP has

std::string short_reason(const Error& reason) {
  std::string text = dialect::error_text(reason, false);
  if (text.size() <= kMostReason) return text;
  std::size_t end = kMostReason;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

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
      message.kind = Outgoing::Kind::reply;
      message.body = dialect::encode_reply(*answer.job, answer.outcome);
      break;
    case Answer::Kind::acceptance:
      message.kind = Outgoing::Kind::acceptance;
      message.body = dialect::encode_acceptance(*answer.job, answer.outcome);
      break;
    case Answer::Kind::terminal:
      message.kind = Outgoing::Kind::terminal;
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
    message.kind = Outgoing::Kind::notice;
  } else {
    auto& letter = std::get<DeadLetter>(what);
    message.kind = Outgoing::Kind::dead_letter;
    message.routing_key = kDeadQueue;
    message.body = std::exchange(letter.body, {});
    message.dead_letter = std::move(letter);
  }
  return message;
}

Outgoing dead_letter_of(Outgoing message, const std::string& why, bool with_body) {
  Outgoing letter;
  letter.kind = Outgoing::Kind::dead_letter;
  letter.dead_letter = DeadLetter{{}, std::move(message.routing_key), {ErrorCode::internal, why}};
  letter.routing_key = kDeadQueue;
  if (with_body) letter.body = std::move(message.body);
  letter.message_id = std::move(message.message_id);
  return letter;
}

Outgoing last_word_of(const Outgoing& reply, const std::string& why) {
  Outgoing word;
  word.kind = Outgoing::Kind::last_word;
  word.exchange = reply.exchange;
  word.routing_key = reply.routing_key;
  word.message_id = reply.message_id;
  word.correlation_id = reply.correlation_id;
  word.persistent = reply.persistent;
  word.body = dialect::as_failed(reply.body, {ErrorCode::internal, "the answer was not delivered: " + why});
  return word;
}

bool shorten(Outgoing& message, std::size_t most) {
  if (message.kind == Outgoing::Kind::notice) return false;
  if (message.kind == Outgoing::Kind::dead_letter) {
    message.cut_from = message.body.size();
    message.body.resize(most);
    return true;
  }
  auto shorter = dialect::shortened(message.body, most);
  if (shorter) message.body = std::move(*shorter);
  return shorter.has_value();
}

void send(Connection& connection, const BrokerOptions& options, const Outgoing& message) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  properties.delivery_mode = message.persistent ? 2 : 1;
  if (message.kind == Outgoing::Kind::notice) {
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
  std::string cut_from;
  std::array<amqp_table_entry_t, 4> headers{};
  if (message.dead_letter) {
    reason = short_reason(message.dead_letter->reason);
    cut_from = std::to_string(message.cut_from);
    time = std::to_string(std::time(nullptr));
    const auto header = [](const char* key, const std::string& value) {
      amqp_table_entry_t entry{};
      entry.key = amqp_cstring_bytes(key);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = bytes(value);
      return entry;
    };
    headers = {header("x-elves-error", reason),
               header("x-elves-routing-key", message.dead_letter->routing_key), header("x-elves-time", time),
               header("x-elves-size", cut_from)};
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {message.cut_from > 0 ? 4 : 3, headers.data()};
  }
  amqp_basic_publish_t method{};
  method.exchange = bytes(message.exchange);
  method.routing_key = bytes(message.routing_key);
  method.mandatory = message.kind != Outgoing::Kind::notice;
  connection.publish(method, properties, message.body);
}

}  // namespace elves::broker
