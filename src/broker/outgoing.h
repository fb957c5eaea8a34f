// What is published, as the broker gets it.
#pragma once

#include <optional>
#include <string>

#include "broker/connection.h"
#include "dispatch/ports.h"

namespace elves::broker {

struct Outgoing {
  std::string exchange;
  std::string routing_key;
  std::string body;
  std::string message_id;
  std::string correlation_id;
  std::optional<DeadLetter> dead_letter;  // its headers
  bool persistent = true;
  bool notice = false;  // to the other schedulers; only this is not mandatory
};

// Where it goes and what it says. The body of a dead letter moves out of `what`.
Outgoing encode(Publication&& what, const BrokerOptions& options);

// A dead letter made of a message that could not be delivered; without the body when that may be why.
Outgoing dead_letter_of(Outgoing message, const std::string& why, bool with_body);

// Basic.Publish on the connection; throws BrokerError.
void send(Connection& connection, const BrokerOptions& options, const Outgoing& message);

}  // namespace elves::broker
