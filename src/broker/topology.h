// The exchange, queues and bindings of docs/protocol.md, "RabbitMQ topology".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "broker/connection.h"

namespace elves::broker {

inline const std::string kRequestQueue = "scheduler";
inline const std::string kDeadQueue = "scheduler.dead";

// The exchange that schedulers tell each other on, and the queue in which this one hears of it.
std::string peer_exchange(const BrokerOptions& options);
std::string inbox_queue(const BrokerOptions& options);

// What is there, beside what should be. Texts are for people.
struct Topology {
  bool peers = false;                // there is a peer exchange: a user who may not make one does without
  std::vector<std::string> misfits;  // what is otherwise than it is made here, and used as it is
  std::vector<std::string> remarks;  // what the broker's user may not do, and what then counts
  std::string useless;               // why no request can come or be run; "" = they can
};

// Makes what is missing; an exchange or queue that exists otherwise, or that the user may not make, is used
// as it is. Throws BrokerError.
boost::asio::awaitable<Topology> declare_topology(Connection& connection, const BrokerOptions& options);

// Makes this scheduler's inbox, bound to the peer exchange; false when the broker refuses that.
boost::asio::awaitable<bool> declare_inbox(Connection& connection, const BrokerOptions& options);

// Requests messages of `queue`, so many at a time unacknowledged. The answers come among the deliveries; a
// refusal ends the connection.
void consume(Connection& connection, const std::string& queue, const std::string& tag, std::uint16_t prefetch,
             std::uint16_t channel = kChannel);

// Has the broker answer with a Queue.Declare-Ok that says how many messages it holds of the queue and how
// many consumers that has. It closes the channel when there is no such queue.
void look_at(Connection& connection, const std::string& queue);

}  // namespace elves::broker
