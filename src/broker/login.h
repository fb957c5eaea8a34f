// How this side introduces itself to the broker, and how the broker ends a connection.
#pragma once

#include <array>
#include <string>

#include "broker/frames.h"
#include "broker/options.h"

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

// Whether the connection, the channel or the consumer is no more.
bool ends(const Incoming& incoming);
// Why, for a person; for anything else that it was not expected.
BrokerError ended_by(const Incoming& incoming);

}  // namespace elves::broker
