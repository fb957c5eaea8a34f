// How this side introduces itself to the broker, and how the broker ends a connection.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "broker/frames.h"
#include "broker/options.h"
#include "broker/refusal.h"

namespace elves::broker {

// Connection.Start-Ok: name, password, and what this side understands. Its method() is valid as long as it.
class Introduction {
 public:
  explicit Introduction(const BrokerOptions& options);
  Introduction(const Introduction&) = delete;
  Introduction& operator=(const Introduction&) = delete;

  amqp_connection_start_ok_t* method() { return &method_; }

 private:
  const std::string response_;
  std::array<amqp_table_entry_t, 5> capabilities_;
  std::array<amqp_table_entry_t, 2> properties_;
  amqp_connection_start_ok_t method_;
};

// What about user and password may be why a login was refused with `words`; "" when nothing is odd, or it was
// refused for another reason. Says nothing of what the password is.
std::string login_hint(const BrokerOptions& options, std::string_view words);

// Of a Connection.Close or Channel.Close.
template <class Close>
Refusal refusal_of(const Close& close) {
  return {close.reply_code, std::string(view(close.reply_text)),
          static_cast<amqp_method_number_t>(close.class_id) << 16U | close.method_id};
}

// Whether the connection, the channel or the consumer is no more.
bool ends(const Incoming& incoming);
// Why, for a person; for anything else that it was not expected.
BrokerError ended_by(const Incoming& incoming);

}  // namespace elves::broker
