#include "broker/topology.h"

#include <functional>

#include "base/log.h"

namespace elves::broker {
namespace {

// Runs `declare`; when the broker refuses it because the thing exists otherwise, opens the channel anew and
// runs `use`.
void declare_or_use(Connection& connection, const std::string& name, const std::function<void()>& declare,
                    const std::function<void()>& use) {
  declare();
  const auto reply = amqp_get_rpc_reply(connection.raw());
  const bool refused =
      reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
      static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_code == AMQP_PRECONDITION_FAILED;
  if (!refused) return connection.check(("declaring " + name).c_str());
  log::warn("{} exists with other arguments: used as it is", name);
  connection.reopen_channel();
  use();
  connection.check(("using " + name).c_str());
}

void declare_exchange(Connection& connection, const std::string& exchange) {
  const auto declare = [&](bool passive) {
    amqp_exchange_declare(connection.raw(), Connection::kChannel, bytes(exchange),
                          amqp_cstring_bytes("topic"), passive, true, false, false, amqp_empty_table);
  };
  declare_or_use(connection, "exchange " + exchange, [&] { declare(false); }, [&] { declare(true); });
}

void declare_queue(Connection& connection, const std::string& queue, const amqp_table_t& arguments) {
  const auto declare = [&](bool passive) {
    amqp_queue_declare(connection.raw(), Connection::kChannel, bytes(queue), passive, true, false, false,
                       passive ? amqp_empty_table : arguments);
  };
  declare_or_use(connection, "queue " + queue, [&] { declare(false); }, [&] { declare(true); });
}

}  // namespace

void declare_topology(Connection& connection, const BrokerOptions& options) {
  declare_exchange(connection, options.exchange);
  declare_queue(connection, kRequestQueue, amqp_empty_table);
  amqp_queue_bind(connection.raw(), Connection::kChannel, bytes(kRequestQueue), bytes(options.exchange),
                  amqp_cstring_bytes("*.scheduler"), amqp_empty_table);
  connection.check("binding queue scheduler");

  amqp_table_entry_t bound{};
  bound.key = amqp_cstring_bytes("x-max-length");
  bound.value.kind = AMQP_FIELD_KIND_I64;
  bound.value.value.i64 = options.dead_max_length;
  declare_queue(connection, kDeadQueue, amqp_table_t{1, &bound});
}

std::uint32_t count_consumers(Connection& connection) {
  const auto* queue = amqp_queue_declare(connection.raw(), Connection::kChannel, bytes(kRequestQueue), true,
                                         true, false, false, amqp_empty_table);
  connection.check("looking at queue scheduler");
  return queue->consumer_count;
}

}  // namespace elves::broker
