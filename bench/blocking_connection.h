// One AMQP connection with one channel as librabbitmq itself makes it: every call waits for the broker. For
// the measuring instruments; the scheduler has its own, which never waits (src/broker/connection.h).
#pragma once

#include <amqp.h>

#include <string>

#include "broker/frames.h"
#include "broker/options.h"

namespace elves::bench {

using broker::bytes;
using broker::kChannel;
using broker::view;

// Throws broker::BrokerError.
class BlockingConnection {
 public:
  explicit BlockingConnection(const broker::BrokerOptions& options);
  BlockingConnection(const BlockingConnection&) = delete;
  BlockingConnection& operator=(const BlockingConnection&) = delete;
  ~BlockingConnection();

  amqp_connection_state_t raw() const { return state_; }
  int fd() const { return amqp_get_sockfd(state_); }
  // Frames that poll() cannot see because they were read already.
  bool has_buffered() const;

  // The exchange, and the queue of the requests bound to it.
  void declare_requests(const broker::BrokerOptions& options);

  // Throws unless the last synchronous call succeeded.
  void check(const char* what) const;
  // Likewise for calls that answer a status.
  static void check(int status, const char* what);

 private:
  void open(const broker::BrokerOptions& options);

  amqp_connection_state_t state_;
};

}  // namespace elves::bench
