// The exchange, queues and bindings of docs/protocol.md, "RabbitMQ topology".
#pragma once

#include <string>

#include "broker/connection.h"

namespace elves::broker {

inline const std::string kRequestQueue = "scheduler";
inline const std::string kDeadQueue = "scheduler.dead";

// The exchange that schedulers tell each other on, and the queue in which this one hears of it.
std::string peer_exchange(const BrokerOptions& options);
std::string inbox_queue(const BrokerOptions& options);

// Makes what is missing; an exchange or queue that exists with other arguments is used as it is. Throws
// BrokerError. Answers whether there is a peer exchange: a broker user who may not make one does without.
bool declare_topology(Connection& connection, const BrokerOptions& options);

// Makes this scheduler's inbox, bound to the peer exchange. Throws BrokerError.
void declare_inbox(Connection& connection, const BrokerOptions& options);
// What the broker has sent of it arrives before the answer.
struct InboxState {
  std::uint32_t waiting = 0;    // notices that it has not sent yet
  std::uint32_t consumers = 0;  // more than one: what it sent on a connection that broke will come again
};
InboxState look_at_inbox(Connection& connection, const BrokerOptions& options);

// How many consumers the request queue has; throws BrokerError when the channel is dead or the queue gone.
std::uint32_t count_consumers(Connection& connection);

}  // namespace elves::broker
