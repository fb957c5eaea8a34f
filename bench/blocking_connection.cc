#include "blocking_connection.h"

#include <amqp_tcp_socket.h>
#include <fmt/format.h>

#include "broker/topology.h"

namespace elves::bench {

using broker::BrokerError;

BlockingConnection::BlockingConnection(const broker::BrokerOptions& options) : state_(amqp_new_connection()) {
  if (!state_) throw BrokerError("out of memory");
  try {
    open(options);
  } catch (...) {
    amqp_destroy_connection(state_);
    throw;
  }
}

BlockingConnection::~BlockingConnection() {
  amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(state_);
}

void BlockingConnection::open(const broker::BrokerOptions& options) {
  amqp_socket_t* socket = amqp_tcp_socket_new(state_);
  if (!socket) throw BrokerError("out of memory");
  const HostPort& node = options.nodes.front();
  check(amqp_socket_open(socket, node.host.c_str(), node.port), "connecting to the broker");
  const auto reply = amqp_login(state_, options.vhost.c_str(), 0, broker::kFrameMax,
                                static_cast<int>(options.heartbeat.count()), AMQP_SASL_METHOD_PLAIN,
                                options.user.c_str(), options.password.c_str());
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw BrokerError("the broker refuses the login");
  amqp_channel_open(state_, kChannel);
  check("opening a channel");
}

bool BlockingConnection::has_buffered() const {
  return amqp_frames_enqueued(state_) || amqp_data_in_buffer(state_);
}

void BlockingConnection::declare_requests(const broker::BrokerOptions& options) {
  amqp_exchange_declare(state_, kChannel, bytes(options.exchange), amqp_cstring_bytes("topic"), false, true,
                        false, false, amqp_empty_table);
  check("declaring the exchange");
  amqp_queue_declare(state_, kChannel, bytes(broker::kRequestQueue), false, true, false, false,
                     amqp_empty_table);
  check("declaring the queue of the requests");
  amqp_queue_bind(state_, kChannel, bytes(broker::kRequestQueue), bytes(options.exchange),
                  amqp_cstring_bytes("*.scheduler"), amqp_empty_table);
  check("binding the queue of the requests");
}

void BlockingConnection::check(const char* what) const {
  const auto reply = amqp_get_rpc_reply(state_);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  const bool refused = reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION;
  throw BrokerError(fmt::format("{}: {}", what,
                                refused ? "refused by the broker" : amqp_error_string2(reply.library_error)));
}

void BlockingConnection::check(int status, const char* what) {
  if (status != AMQP_STATUS_OK) throw BrokerError(fmt::format("{}: {}", what, amqp_error_string2(status)));
}

}  // namespace elves::bench
