#include "broker/topology.h"

#include <array>

#include "base/clock.h"
#include "base/log.h"

namespace elves::broker {
namespace asio = boost::asio;
namespace {

// A declaration that can be repeated as passive: then it only asks whether the thing exists.
template <class Declaration>
struct Call {
  std::string name;  // "queue scheduler", for people
  amqp_method_number_t id;
  amqp_method_number_t answer;
  Declaration declaration;
};

// When the broker refuses because the thing exists otherwise, opens the channel anew and uses it.
template <class Declaration>
asio::awaitable<void> declare_or_use(Connection& connection, Call<Declaration>& call) {
  const auto refusal = co_await connection.try_call(call.id, &call.declaration, call.answer);
  if (!refusal) co_return;
  if (refusal->code != AMQP_PRECONDITION_FAILED) throw refusal->error("declaring " + call.name);
  log::warn("{} exists with other arguments: used as it is", call.name);
  co_await connection.reopen();
  call.declaration.passive = 1;
  call.declaration.arguments = amqp_empty_table;
  const std::string what = "using " + call.name;
  co_await connection.call(what, call.id, &call.declaration, call.answer);
}

Call<amqp_exchange_declare_t> exchange(const std::string& name, const char* type) {
  amqp_exchange_declare_t declaration{};
  declaration.exchange = bytes(name);
  declaration.type = amqp_cstring_bytes(type);
  declaration.durable = 1;
  return {"exchange " + name, AMQP_EXCHANGE_DECLARE_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD, declaration};
}

Call<amqp_queue_declare_t> queue(const std::string& name, const amqp_table_t& arguments,
                                 bool durable = true) {
  amqp_queue_declare_t declaration{};
  declaration.queue = bytes(name);
  declaration.durable = durable;
  declaration.auto_delete = !durable;
  declaration.arguments = arguments;
  return {"queue " + name, AMQP_QUEUE_DECLARE_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD, declaration};
}

asio::awaitable<bool> declare_peer_exchange(Connection& connection, const BrokerOptions& options) {
  const std::string name = peer_exchange(options);
  auto call = exchange(name, "fanout");
  const auto refusal = co_await connection.try_call(call.id, &call.declaration, call.answer);
  if (!refusal) co_return true;
  log::warn(
      "no exchange {} can be made on this broker: other schedulers are not told of results that are "
      "theirs",
      name);
  co_await connection.reopen();
  co_return false;
}

asio::awaitable<void> bind(Connection& connection, const std::string& queue, const std::string& exchange,
                           const char* key) {
  amqp_queue_bind_t binding{};
  binding.queue = bytes(queue);
  binding.exchange = bytes(exchange);
  binding.routing_key = amqp_cstring_bytes(key);
  const std::string what = "binding queue " + queue;
  co_await connection.call(what, AMQP_QUEUE_BIND_METHOD, &binding, AMQP_QUEUE_BIND_OK_METHOD);
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

asio::awaitable<bool> declare_topology(Connection& connection, const BrokerOptions& options) {
  auto topic = exchange(options.exchange, "topic");
  co_await declare_or_use(connection, topic);
  auto requests = queue(kRequestQueue, amqp_empty_table);
  co_await declare_or_use(connection, requests);
  co_await bind(connection, kRequestQueue, options.exchange, "*.scheduler");
  auto bound = number("x-max-length", options.dead_max_length);
  auto dead = queue(kDeadQueue, amqp_table_t{1, &bound});
  co_await declare_or_use(connection, dead);
  co_return co_await declare_peer_exchange(connection, options);
}

asio::awaitable<void> declare_inbox(Connection& connection, const BrokerOptions& options) {
  const std::string name = inbox_queue(options);
  const std::string peers = peer_exchange(options);
  std::array arguments{number("x-max-length", options.inbox_max_length),
                       number("x-expires", Millis(options.inbox_expires).count())};
  const amqp_table_t table{arguments.size(), arguments.data()};
  auto inbox = queue(name, table, options.durable_inbox);
  co_await declare_or_use(connection, inbox);
  co_await bind(connection, name, peers, "");
}

void consume(Connection& connection, const std::string& queue, const std::string& tag, std::uint16_t prefetch,
             std::uint16_t channel) {
  amqp_basic_qos_t qos{0, prefetch, 0};
  connection.send(AMQP_BASIC_QOS_METHOD, &qos, channel);
  amqp_basic_consume_t subscription{};
  subscription.queue = bytes(queue);
  subscription.consumer_tag = bytes(tag);
  connection.send(AMQP_BASIC_CONSUME_METHOD, &subscription, channel);
}

void look_at(Connection& connection, const std::string& queue) {
  amqp_queue_declare_t question{};
  question.queue = bytes(queue);
  question.passive = 1;
  connection.send(AMQP_QUEUE_DECLARE_METHOD, &question);
}

}  // namespace elves::broker
