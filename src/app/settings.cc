#include "app/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "config/keys.h"
#include "config/listen.h"
#include "journal/memory_journal.h"
#include "journal/sqlite_journal.h"

namespace elves::app {
namespace {

// What others can know this machine by when it listens on all its addresses.
std::string reachable_host(const std::string& listening) {
  if (listening != "0.0.0.0" && listening != "::") return listening;
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : listening;
}

agent::TlsOptions agent_tls(const config::ThriftTlsOptions& options, const TlsSides& tls) {
  using Mode = agent::TlsOptions::Mode;
  agent::TlsOptions how{.port = options.agent_port, .credentials = tls.agents};
  if (options.agents == "prefer") how.mode = Mode::prefer;
  if (options.agents == "require") how.mode = Mode::require;
  return how;
}

TcpLiveness liveness(const config::Options& options) {
  return {options.tcp.keep_alive, options.tcp.user_timeout};
}

// Without a file journal.maxBytes are bytes of memory, of which its default would be much.
constexpr std::uint64_t kMostInMemory = 256ULL << 20;

constexpr auto kLimits = std::to_array<std::string_view>({
    "mq.prefetch",
    "mq.maxMessage",
    "mq.maxDepth",
    "mq.dead.maxLength",
    "mq.peers.maxLength",
    "thrift.maxMessage",
    "thrift.maxDepth",
    "thrift.maxConnections",
    "thrift.maxConnectionsPerAddress",
    "thrift.tls.maxHandshakes",
    "agent.maxInFlight",
    "agent.maxWaiting",
    "agent.maxWaitingTotal",
    "agent.maxConnections",
    "agent.maxBatch",
    "processor.maxInFlight",
    "processor.maxWaiting",
    "job.maxOpen",
    "job.maxOpenBytes",
    "result.keepMax",
    "journal.keepJobs",
    "journal.maxBytes",
    "audit.maxWaiting",
    "admin.maxConnections",
    "admin.maxConnectionsPerAddress",
    "admin.maxHeader",
    "admin.maxUnsent",
});

}  // namespace

DispatchLimits dispatch_limits(const config::Options& options) {
  DispatchLimits limits;
  limits.max_open = options.job.max_open;
  limits.max_open_bytes = options.job.max_open_bytes;
  limits.grace = options.job.grace;
  limits.sync_grace = options.job.sync_grace;
  limits.max_hold = options.mq.max_hold;
  limits.fresh = options.mq.heartbeat;
  limits.keep_unheard = options.result.keep;
  limits.max_unheard = options.result.keep_max;
  limits.retry = {options.job.retry_attempts, options.job.retry_pause, options.job.retry_max_pause};
  limits.allow = options.agent.allow;
  limits.forwarders = options.thrift.trust_forwarders;
  limits.accept_unknown = options.result.accept_unknown;
  return limits;
}

agent::PoolOptions pool_options(const config::Options& options, const TlsSides& tls) {
  agent::PoolOptions pool;
  pool.port = options.thrift.agent_port;
  pool.connections.tls = agent_tls(options.thrift_tls, tls);
  pool.connections.out_time = options.thrift.out_time;
  pool.max_in_flight = options.agent.max_in_flight;
  pool.max_waiting = options.agent.max_waiting;
  pool.max_waiting_total = options.agent.max_waiting_total;
  pool.max_batch = options.agent.max_batch;
  pool.connections.max_connections = options.agent.max_connections;
  pool.connections.idle = options.agent.idle;
  pool.connections.breaker = {options.agent.breaker_failures, options.agent.breaker_pause};
  pool.connections.liveness = liveness(options);
  pool.connections.limits = {options.thrift.max_message, options.thrift.max_depth};
  return pool;
}

agent::ProcessorPoolOptions processor_options(const config::Options& options) {
  const config::ProcessorOptions& given = options.processor;
  agent::ProcessorPoolOptions pool;
  pool.timeout = given.timeout;
  pool.max_in_flight = given.max_in_flight;
  pool.max_waiting = given.max_waiting;
  pool.connections.out_time = options.thrift.out_time;
  pool.connections.max_connections = options.agent.max_connections;
  pool.connections.idle = given.idle;
  pool.connections.breaker = {given.breaker_failures, given.breaker_pause};
  pool.connections.liveness = liveness(options);
  pool.connections.limits.max_bytes = options.thrift.max_message;
  return pool;
}

wire::ServerLimits server_limits(const config::Options& options) {
  return {{options.thrift.max_message, options.thrift.max_depth, true},
          options.thrift.first,
          options.thrift.idle,
          options.thrift_tls.handshake,
          options.thrift_tls.max_handshakes,
          liveness(options)};
}

audit::AuditOptions audit_options(const config::Options& options) {
  return {options.audit.file, options.audit.param == "full", options.audit.max_waiting};
}

Door::OnRefused counting(MetricsSink& metrics, Event first) {
  return [&metrics, first](Door::Refusal why) {
    metrics.count(static_cast<Event>(static_cast<int>(first) + static_cast<int>(why)));
  };
}

DoorLimits thrift_door(const config::Options& options) {
  return {options.thrift.allow, options.thrift.max_connections, options.thrift.max_per_address};
}

admin::HttpOptions http_options(const config::Options& options, const TlsSides& tls) {
  const auto address = config::parse_listen(options.admin.listen);
  admin::HttpOptions how;
  how.host = address->host;
  how.port = address->port;
  how.tokens = {options.admin.token, options.admin.read_only_token};
  how.credentials = tls.admin;
  how.max_body = options.mq.max_message;
  how.max_header = options.admin.max_header;
  how.max_unsent = options.admin.max_unsent;
  how.header_time = options.admin.header_time;
  how.idle = options.admin.idle;
  how.liveness = liveness(options);
  return how;
}

DoorLimits http_door(const config::Options& options) {
  return {{}, options.admin.max_connections, options.admin.max_per_address};
}

dialect::Limits request_limits(const config::Options& options) {
  dialect::Limits limits;
  limits.max_body = options.mq.max_message;
  limits.max_depth = options.mq.max_depth;
  limits.default_timeout = options.job.default_timeout;
  return limits;
}

registry::Options registry_options(const config::Options& options) {
  registry::Options registry;
  registry.host = options.zookeeper.host;
  registry.out_time = options.zookeeper.out_time;
  registry.root = options.zookeeper.root;
  registry.auth = options.zookeeper.auth;
  registry.max_watched = options.zookeeper.max_watched;
  registry.max_agents = options.zookeeper.max_agents;
  return registry;
}

registry::Self registry_self(const config::Options& options, const Clock& clock, std::string instance) {
  registry::Self self;
  self.host = reachable_host(options.thrift.host);
  self.thrift_port = options.thrift.port;
  if (options.admin.enabled) self.admin_port = config::parse_listen(options.admin.listen)->port;
  self.version = ELVES_VERSION;
  self.pid = ::getpid();
  self.started = clock.wall_now();
  self.instance = std::move(instance);
  return self;
}

std::vector<std::pair<std::string, double>> limits_in_force(const config::Options& options) {
  std::vector<std::pair<std::string, double>> limits;
  for (const auto& key : config::keys()) {
    if (std::ranges::find(kLimits, key.name) == kLimits.end()) continue;
    limits.emplace_back(key.name, std::stod(key.show(options)));
  }
  return limits;
}

std::unique_ptr<ReadableJournal> open_journal(const config::JournalOptions& journal, MetricsSink& metrics,
                                              JournalPost post,
                                              std::function<std::vector<JobRecord>()> open_now) {
  if (journal.path.empty()) {
    const MemoryJournal::Keep keep{journal.keep_jobs, std::min(journal.max_bytes, kMostInMemory)};
    return std::make_unique<MemoryJournal>(keep, std::move(post));
  }
  SqliteJournal::Options options;
  options.path = journal.path;
  options.keep = {journal.keep, journal.keep_jobs, journal.max_bytes};
  options.metrics = &metrics;
  options.open_now = std::move(open_now);
  return std::make_unique<SqliteJournal>(options, std::move(post));
}

}  // namespace elves::app
