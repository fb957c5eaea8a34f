#include "broker/login.h"

#include <fmt/format.h>

#include "base/odd_secret.h"

namespace elves::broker {
namespace {

amqp_table_entry_t flag(const char* key) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

}  // namespace

Introduction::Introduction(const BrokerOptions& options)
    : response_(fmt::format("{0}{1}{0}{2}", '\0', options.user, options.password)),
      capabilities_{flag("publisher_confirms"), flag("consumer_cancel_notify"), flag("connection.blocked"),
                    flag("basic.nack"), flag("authentication_failure_close")} {
  properties_[0].key = amqp_cstring_bytes("capabilities");
  properties_[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties_[0].value.value.table = {static_cast<int>(capabilities_.size()), capabilities_.data()};
  properties_[1].key = amqp_cstring_bytes("connection_name");
  properties_[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties_[1].value.value.bytes = amqp_cstring_bytes("elves-scheduler");
  method_ = {{static_cast<int>(properties_.size()), properties_.data()},
             amqp_cstring_bytes("PLAIN"),
             bytes(response_),
             amqp_cstring_bytes("en_US")};
}

std::string login_hint(const BrokerOptions& options, std::string_view words) {
  if (words.find("ACCESS_REFUSED") == words.npos) return "";
  const auto odd = oddity(options.password);
  if (!odd.empty()) return fmt::format("; the password {}: was that meant?", odd);
  if (options.user == "guest" && options.password == "guest")
    return "; guest may log in from the broker's own machine only, unless the broker says otherwise: set "
           "mq.user";
  if (options.password == "guest") return "; the password is the default one: set mq.password";
  return "";
}

bool ends(const Incoming& incoming) {
  return incoming.id == AMQP_CONNECTION_CLOSE_METHOD || incoming.id == AMQP_CHANNEL_CLOSE_METHOD ||
         incoming.id == AMQP_BASIC_CANCEL_METHOD;
}

// The broker blames what it was sent, unless it shuts down or somebody closed the connection.
BrokerError ended_by(const Incoming& incoming) {
  switch (incoming.id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const Refusal refusal = refusal_of(incoming.as<amqp_connection_close_t>());
      const bool forced = refusal.code == AMQP_CONNECTION_FORCED;
      return BrokerError(refusal.words("connection closed by the broker"),
                         forced ? BrokerError::Cause::other : BrokerError::Cause::refusal);
    }
    case AMQP_CHANNEL_CLOSE_METHOD:
      return BrokerError(
          refusal_of(incoming.as<amqp_channel_close_t>()).words("channel closed by the broker"),
          BrokerError::Cause::refusal, true);
    case AMQP_BASIC_CANCEL_METHOD:
      return BrokerError(
          "the broker cancelled the consumer: its queue was deleted, or is moving to another node");
    default:
      return BrokerError(
          fmt::format("unexpected answer from the broker: {}",
                      amqp_method_name(incoming.id) ? amqp_method_name(incoming.id) : "unknown method"));
  }
}

}  // namespace elves::broker
