// What is published, as the broker gets it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/connection.h"
#include "dispatch/ports.h"

namespace elves::broker {

struct Outgoing {
  enum class Kind : std::uint8_t {
    reply,
    acceptance,
    terminal,
    last_word,  // that a reply could not be delivered; of no use elsewhere
    dead_letter,
    notice,  // to the other schedulers; only this is not mandatory
  };
  Kind kind = Kind::reply;
  std::string exchange;
  std::string routing_key;
  std::string body;
  std::string message_id;
  std::string correlation_id;
  std::optional<DeadLetter> dead_letter;  // its headers
  std::size_t cut_from = 0;  // of a dead letter: bytes of the body before it was cut; 0 = it was not
  bool persistent = true;
};

// Where it goes and what it says. The body of a dead letter moves out of `what`.
Outgoing encode(Publication&& what, const BrokerOptions& options);

// A dead letter made of a message that could not be delivered; without the body when that may be why.
Outgoing dead_letter_of(Outgoing message, const std::string& why, bool with_body);

// For who waits for a reply that cannot be delivered: the same reply with this error instead of a result.
Outgoing last_word_of(const Outgoing& reply, const std::string& why);

// Makes the body at most so long: of a dead letter by leaving bytes out, of anything else as
// dialect/reworded.h does. False: it cannot be.
bool shorten(Outgoing& message, std::size_t most);

// Basic.Publish on the connection; throws BrokerError as Connection::publish().
void send(Connection& connection, const BrokerOptions& options, const Outgoing& message);

}  // namespace elves::broker
