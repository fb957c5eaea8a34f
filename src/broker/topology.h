// The exchange, queues and bindings of docs/protocol.md, "RabbitMQ topology".
#pragma once

#include <string>

#include "broker/connection.h"

namespace elves::broker {

inline const std::string kRequestQueue = "scheduler";
inline const std::string kDeadQueue = "scheduler.dead";

// Makes what is missing; an exchange or queue that exists with other arguments is used as it is. Throws
// BrokerError.
void declare_topology(Connection& connection, const BrokerOptions& options);

// How many consumers the request queue has; throws BrokerError when the channel is dead or the queue gone.
std::uint32_t count_consumers(Connection& connection);

}  // namespace elves::broker
