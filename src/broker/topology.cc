#include "broker/topology.h"

#include <array>
#include <functional>

#include "base/clock.h"
#include "base/log.h"

namespace elves::broker {
namespace {

// What the broker closed the channel for in answer to the last call; 0 when it did not.
int channel_refusal(Connection& connection) {
  const auto reply = amqp_get_rpc_reply(connection.raw());
  const bool closed =
      reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
  return closed ? static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_code : 0;
}

// Runs `declare`; when the broker refuses it because the thing exists otherwise, opens the channel anew and
// runs `use`.
void declare_or_use(Connection& connection, const std::string& name, const std::function<void()>& declare,
                    const std::function<void()>& use) {
  declare();
  if (channel_refusal(connection) != AMQP_PRECONDITION_FAILED) {
    return connection.check(("declaring " + name).c_str());
  }
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

bool declare_peer_exchange(Connection& connection, const BrokerOptions& options) {
  const std::string name = peer_exchange(options);
  amqp_exchange_declare(connection.raw(), Connection::kChannel, bytes(name), amqp_cstring_bytes("fanout"),
                        false, true, false, false, amqp_empty_table);
  if (channel_refusal(connection) == 0) {
    connection.check(("declaring exchange " + name).c_str());
    return true;
  }
  log::warn(
      "no exchange {} can be made on this broker: other schedulers are not told of results that are "
      "theirs",
      name);
  connection.reopen_channel();
  return false;
}

void declare_queue(Connection& connection, const std::string& queue, const amqp_table_t& arguments,
                   bool durable = true) {
  const auto declare = [&](bool passive) {
    amqp_queue_declare(connection.raw(), Connection::kChannel, bytes(queue), passive, durable, false,
                       !durable, passive ? amqp_empty_table : arguments);
  };
  declare_or_use(connection, "queue " + queue, [&] { declare(false); }, [&] { declare(true); });
}

void bind_queue(Connection& connection, const std::string& queue, const std::string& exchange,
                const char* key) {
  amqp_queue_bind(connection.raw(), Connection::kChannel, bytes(queue), bytes(exchange),
                  amqp_cstring_bytes(key), amqp_empty_table);
  connection.check(("binding queue " + queue).c_str());
}

const amqp_queue_declare_ok_t& look_at(Connection& connection, const std::string& queue) {
  const auto* found = amqp_queue_declare(connection.raw(), Connection::kChannel, bytes(queue), true, true,
                                         false, false, amqp_empty_table);
  connection.check(("looking at queue " + queue).c_str());
  return *found;
}

amqp_table_entry_t number(const char* key, std::int64_t value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}

}  // namespace

std::string peer_exchange(const BrokerOptions& options) { return options.exchange + ".peers"; }
std::string inbox_queue(const BrokerOptions& options) { return "scheduler.peer." + options.instance; }

bool declare_topology(Connection& connection, const BrokerOptions& options) {
  declare_exchange(connection, options.exchange);
  declare_queue(connection, kRequestQueue, amqp_empty_table);
  bind_queue(connection, kRequestQueue, options.exchange, "*.scheduler");
  auto bound = number("x-max-length", options.dead_max_length);
  declare_queue(connection, kDeadQueue, amqp_table_t{1, &bound});
  return declare_peer_exchange(connection, options);
}

void declare_inbox(Connection& connection, const BrokerOptions& options) {
  const std::string queue = inbox_queue(options);
  std::array arguments{number("x-max-length", options.inbox_max_length),
                       number("x-expires", Millis(options.inbox_expires).count())};
  declare_queue(connection, queue, amqp_table_t{arguments.size(), arguments.data()}, options.durable_inbox);
  bind_queue(connection, queue, peer_exchange(options), "");
}

InboxState look_at_inbox(Connection& connection, const BrokerOptions& options) {
  const auto& found = look_at(connection, inbox_queue(options));
  return {found.message_count, found.consumer_count};
}

std::uint32_t count_consumers(Connection& connection) {
  return look_at(connection, kRequestQueue).consumer_count;
}

}  // namespace elves::broker
