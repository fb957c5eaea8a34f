// The exchange, queues and bindings of docs/protocol.md, "RabbitMQ topology".
#pragma once

#include <boost/asio/awaitable.hpp>
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
boost::asio::awaitable<bool> declare_topology(Connection& connection, const BrokerOptions& options);

// Makes this scheduler's inbox, bound to the peer exchange. Throws BrokerError.
boost::asio::awaitable<void> declare_inbox(Connection& connection, const BrokerOptions& options);

// Requests messages of `queue`, so many at a time unacknowledged. The answers come among the deliveries; a
// refusal ends the connection.
void consume(Connection& connection, const std::string& queue, const std::string& tag, std::uint16_t prefetch,
             std::uint16_t channel = kChannel);

// Has the broker answer with a Queue.Declare-Ok that says how many messages it holds of the queue and how
// many consumers that has. It closes the channel when there is no such queue.
void look_at(Connection& connection, const std::string& queue);

}  // namespace elves::broker
