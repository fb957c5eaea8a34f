#include "broker/login.h"

#include <fmt/format.h>

#include "broker/refusal.h"

namespace elves::broker {
namespace {

amqp_table_entry_t flag(const char* key) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

template <class Close>
std::string text_of(const char* what, const Close& close) {
  return refusal_text(what, close.reply_code, view(close.reply_text));
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

bool ends(const Incoming& incoming) {
  return incoming.id == AMQP_CONNECTION_CLOSE_METHOD || incoming.id == AMQP_CHANNEL_CLOSE_METHOD ||
         incoming.id == AMQP_BASIC_CANCEL_METHOD;
}

// The broker blames what it was sent, unless it shuts down or somebody closed the connection.
BrokerError ended_by(const Incoming& incoming) {
  switch (incoming.id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto& close = incoming.as<amqp_connection_close_t>();
      const bool forced = close.reply_code == AMQP_CONNECTION_FORCED;
      return BrokerError(text_of("connection", close),
                         forced ? BrokerError::Cause::other : BrokerError::Cause::refusal);
    }
    case AMQP_CHANNEL_CLOSE_METHOD:
      return BrokerError(text_of("channel", incoming.as<amqp_channel_close_t>()), BrokerError::Cause::refusal,
                         true);
    case AMQP_BASIC_CANCEL_METHOD:
      return BrokerError("the broker cancelled the consumer: was its queue deleted?");
    default:
      return BrokerError(
          fmt::format("unexpected answer from the broker: {}",
                      amqp_method_name(incoming.id) ? amqp_method_name(incoming.id) : "unknown method"));
  }
}

}  // namespace elves::broker
