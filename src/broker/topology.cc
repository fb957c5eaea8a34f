#include "broker/topology.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

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

// Why a thing that exists otherwise is of no use; "" when it can be used as it is.
std::string useless(const Call<amqp_exchange_declare_t>& call, const Refusal& refusal) {
  if (refusal.differs() == "type" && refusal.current() == "direct") {
    return fmt::format(
        "{0} is of type 'direct', not 'topic' ({1}): no request can come, since keys such as "
        "openapi.scheduler do not match *.scheduler there. Delete {0}, so that it is made anew, or name "
        "another one with mq.exchange",
        call.name, refusal.text);
  }
  if (refusal.differs() == "internal") {
    return fmt::format(
        "{0} is internal ({1}): nobody can publish to it. Delete it, so that it is made anew, or "
        "name another one with mq.exchange",
        call.name, refusal.text);
  }
  return "";
}

std::string useless(const Call<amqp_queue_declare_t>& call, const Refusal& refusal) {
  if (refusal.differs() != "x-queue-type" || refusal.current() != "stream") return "";
  return fmt::format(
      "{} is a stream ({}): what is taken stays in it, and each consumer would run each request. "
      "Delete it, so that it is made anew",
      call.name, refusal.text);
}

// A queue without a type is a classic one.
bool is_as_wanted(const Refusal& refusal, const std::string& queue_type) {
  if (refusal.differs() != "x-queue-type") return false;
  return queue_type == kExistingType || (queue_type == "classic" && refusal.current() != "quorum");
}

template <class Declaration>
void note(const Call<Declaration>& call, const Refusal& refusal, const BrokerOptions& options,
          Topology& topology) {
  if (refusal.forbidden()) {
    topology.remarks.push_back(
        fmt::format("{} exists, and is used: the broker's user may not make it", call.name));
  } else if (std::string why = useless(call, refusal); !why.empty()) {
    topology.useless = std::move(why);
  } else if (!is_as_wanted(refusal, options.queue_type)) {
    topology.misfits.push_back(
        fmt::format("{} exists otherwise than it is made here, and is used as it is: {} differs ({})",
                    call.name, refusal.differs().empty() ? "something" : refusal.differs(), refusal.text));
  }
}

// When the broker refuses because the thing exists otherwise, or because its user may not make it, opens the
// channel anew and uses what exists.
template <class Declaration>
asio::awaitable<void> declare_or_use(Connection& connection, Call<Declaration>& call,
                                     const BrokerOptions& options, Topology& topology) {
  const auto refusal = co_await connection.try_call(call.id, &call.declaration, call.answer);
  if (!refusal) co_return;
  if (!refusal->otherwise() && !refusal->forbidden())
    throw BrokerError(refusal->words("declaring " + call.name));
  co_await connection.reopen();
  call.declaration.passive = 1;
  call.declaration.arguments = amqp_empty_table;
  const auto absent = co_await connection.try_call(call.id, &call.declaration, call.answer);
  if (absent && absent->missing() && refusal->forbidden()) {
    throw BrokerError(refusal->words(fmt::format("{} does not exist, and cannot be made", call.name)));
  }
  if (absent) throw BrokerError(absent->words("using " + call.name));
  note(call, *refusal, options, topology);
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

// Whether it is there in the end: notices between schedulers can be done without.
template <class Declaration>
asio::awaitable<bool> declare_if_possible(Connection& connection, Call<Declaration>& call,
                                          const BrokerOptions& options) {
  Topology ignored;
  try {
    co_await declare_or_use(connection, call, options, ignored);
    co_return true;
  } catch (const BrokerError& error) {
    log::warn("{}: other schedulers are not told of results that are theirs", error.what());
  }
  co_await connection.reopen();
  co_return false;
}

// The refusal, if the user has no right to bind; the channel is open again then.
asio::awaitable<std::optional<Refusal>> bind(Connection& connection, const std::string& queue,
                                             const std::string& exchange, const char* key) {
  amqp_queue_bind_t binding{};
  binding.queue = bytes(queue);
  binding.exchange = bytes(exchange);
  binding.routing_key = amqp_cstring_bytes(key);
  auto refusal = co_await connection.try_call(AMQP_QUEUE_BIND_METHOD, &binding, AMQP_QUEUE_BIND_OK_METHOD);
  if (refusal && !refusal->forbidden()) throw BrokerError(refusal->words("binding queue " + queue));
  if (refusal) co_await connection.reopen();
  co_return refusal;
}

// Whether a binding exists cannot be asked.
asio::awaitable<void> bind_requests(Connection& connection, const BrokerOptions& options,
                                    Topology& topology) {
  const auto refusal = co_await bind(connection, kRequestQueue, options.exchange, "*.scheduler");
  if (!refusal) co_return;
  topology.remarks.push_back(refusal->words(fmt::format(
      "queue {} cannot be bound to exchange {} with *.scheduler: requests come only if it is bound "
      "already (rabbitmqctl list_bindings)",
      kRequestQueue, options.exchange)));
}

amqp_table_entry_t number(const char* key, std::int64_t value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}

amqp_table_entry_t text(const char* key, const std::string& value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes(value);
  return entry;
}

}  // namespace

std::string peer_exchange(const BrokerOptions& options) { return options.exchange + ".peers"; }
std::string inbox_queue(const BrokerOptions& options) { return "scheduler.peer." + options.instance; }

asio::awaitable<Topology> declare_topology(Connection& connection, const BrokerOptions& options) {
  Topology topology;
  auto topic = exchange(options.exchange, "topic");
  co_await declare_or_use(connection, topic, options, topology);
  std::array arguments{number("x-max-length", options.dead_max_length),
                       text("x-queue-type", options.queue_type)};
  const int typed = options.queue_type == kExistingType ? 0 : 1;
  auto requests = queue(kRequestQueue, amqp_table_t{typed, &arguments[1]});
  co_await declare_or_use(connection, requests, options, topology);
  co_await bind_requests(connection, options, topology);
  auto dead = queue(kDeadQueue, amqp_table_t{1 + typed, arguments.data()});
  co_await declare_or_use(connection, dead, options, topology);
  const std::string peers_name = peer_exchange(options);
  auto peers = exchange(peers_name, "fanout");
  topology.peers = co_await declare_if_possible(connection, peers, options);
  co_return topology;
}

asio::awaitable<bool> declare_inbox(Connection& connection, const BrokerOptions& options) {
  const std::string name = inbox_queue(options);
  const std::string peers = peer_exchange(options);
  std::array arguments{number("x-max-length", options.inbox_max_length),
                       number("x-expires", Millis(options.inbox_expires).count())};
  const amqp_table_t table{arguments.size(), arguments.data()};
  auto inbox = queue(name, table, options.durable_inbox);
  const bool there = co_await declare_if_possible(connection, inbox, options);
  if (!there) co_return false;
  const auto refusal = co_await bind(connection, name, peers, "");
  if (refusal) log::info("{}", refusal->words("binding queue " + name));
  co_return true;
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
