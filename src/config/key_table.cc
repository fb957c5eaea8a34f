#include "base/host_port.h"
#include "config/broker_nodes.h"
#include "config/hosts.h"
#include "config/key_kinds.h"
#include "config/keys.h"
#include "config/listen.h"

namespace elves::config {
namespace {

constexpr std::uint64_t kDay = 86'400;
constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kMiB = 1U << 20;

std::vector<Key> mq_keys() {
  const auto mq = [](auto field) { return at(&Options::mq, field); };
  return {
      text("mq.ip", mq(&MqOptions::ip), is_host,
           "address: one host name or one IP address, and its port is mq.port; several are a list in "
           "mq.hosts"),
      port("mq.port", mq(&MqOptions::port)),
      text(
          "mq.hosts", mq(&MqOptions::hosts),
          [](const std::string& value) { return parse_broker_nodes(value, "localhost", 5672).has_value(); },
          "list of the broker's nodes: host:port, host, [IPv6]:port or :port, with commas between"),
      text("mq.user", mq(&MqOptions::user), some_text, "user name: some text"),
      text("mq.vhost", mq(&MqOptions::vhost), short_name,
           "virtual host: its name, '/' is the broker's default"),
      text("mq.exchange", mq(&MqOptions::exchange), short_name, "exchange: its name, of 1 to 255 bytes"),
      count("mq.prefetch", mq(&MqOptions::prefetch), 1, 65535),
      seconds("mq.heartbeat", mq(&MqOptions::heartbeat), 1, 3600),
      bytes("mq.maxMessage", mq(&MqOptions::max_message), 1024, 128 * kMiB),
      count("mq.maxDepth", mq(&MqOptions::max_depth), 4, 1000),
      count("mq.dead.maxLength", mq(&MqOptions::dead_max_length), 1, 10 * kMillion),
      choice("mq.queueType", mq(&MqOptions::queue_type), {"existing", "classic", "quorum"}),
      seconds("mq.maxHold", mq(&MqOptions::max_hold), 1, kDay),
      seconds("mq.maxRefused", mq(&MqOptions::max_refused), 1, 365 * kDay),
      seconds("mq.maxRefusedReply", mq(&MqOptions::max_refused_reply), 1, 365 * kDay),
      count("mq.peers.maxLength", mq(&MqOptions::peers_max_length), 1, 100 * kMillion),
      seconds("mq.peers.expires", mq(&MqOptions::peers_expires), 60, 365 * kDay),
  };
}

std::vector<Key> thrift_keys() {
  const auto thrift = [](auto field) { return at(&Options::thrift, field); };
  return {
      text("thrift.scheduler.host", thrift(&ThriftOptions::host), is_ip_literal,
           "address to listen on: an IP address, 0.0.0.0 for all"),
      port("thrift.scheduler.port", thrift(&ThriftOptions::port)),
      port("thrift.agent.port", thrift(&ThriftOptions::agent_port)),
      millis("thrift.outTime", thrift(&ThriftOptions::out_time), 1, 600'000),
      bytes("thrift.maxMessage", thrift(&ThriftOptions::max_message), 1024, 1024 * kMiB),
      count("thrift.maxDepth", thrift(&ThriftOptions::max_depth), 4, 64),
      live(guard(networks("thrift.allow", thrift(&ThriftOptions::allow)))),
      live(guard(networks("thrift.trustForwarders", thrift(&ThriftOptions::trust_forwarders)))),
      live(count("thrift.maxConnections", thrift(&ThriftOptions::max_connections), 1, kMillion)),
      live(count("thrift.maxConnectionsPerAddress", thrift(&ThriftOptions::max_per_address), 1, kMillion)),
      seconds("thrift.firstTimeout", thrift(&ThriftOptions::first), 1, kDay),
      seconds("thrift.idleTimeout", thrift(&ThriftOptions::idle), 1, kDay),
      guard(flag("thrift.plain", thrift(&ThriftOptions::plain))),
  };
}

std::vector<Key> tls_keys() {
  const auto mq = [](auto field) { return at(&Options::mq_tls, field); };
  const auto thrift = [](auto field) { return at(&Options::thrift_tls, field); };
  const auto admin = [](auto field) { return at(&Options::admin_tls, field); };
  const auto file = [](const char* name, auto field) { return text(name, field, any_text, "file name"); };
  return {
      guard(flag("mq.tls.enabled", mq(&MqTlsOptions::enabled))),
      guard(file("mq.tls.ca", mq(&MqTlsOptions::ca))),
      file("mq.tls.cert", mq(&MqTlsOptions::cert)),
      file("mq.tls.key", mq(&MqTlsOptions::key)),
      flag("mq.tls.verify", mq(&MqTlsOptions::verify)),
      text("mq.tls.serverName", mq(&MqTlsOptions::server_name), is_host_or_none,
           "name: one host name or one IP address"),

      number("thrift.tls.port", thrift(&ThriftTlsOptions::port), 0, 65535, "port, or 0 for none"),
      guard(file("thrift.tls.ca", thrift(&ThriftTlsOptions::ca))),
      file("thrift.tls.cert", thrift(&ThriftTlsOptions::cert)),
      file("thrift.tls.key", thrift(&ThriftTlsOptions::key)),
      guard(choice("thrift.tls.clientCert", thrift(&ThriftTlsOptions::client_cert),
                   {"none", "optional", "required"})),
      guard(choice("thrift.tls.agents", thrift(&ThriftTlsOptions::agents), {"off", "prefer", "require"})),
      port("thrift.tls.agentPort", thrift(&ThriftTlsOptions::agent_port)),
      flag("thrift.tls.verifyName", thrift(&ThriftTlsOptions::verify_name)),
      millis("thrift.tls.handshakeTime", thrift(&ThriftTlsOptions::handshake), 10, 60'000),
      count("thrift.tls.maxHandshakes", thrift(&ThriftTlsOptions::max_handshakes), 10, 100'000),

      guard(file("admin.tls.cert", admin(&AdminTlsOptions::cert))),
      file("admin.tls.key", admin(&AdminTlsOptions::key)),
      guard(file("admin.tls.ca", admin(&AdminTlsOptions::ca))),
  };
}

std::vector<Key> tcp_keys() {
  const auto tcp = [](auto field) { return at(&Options::tcp, field); };
  return {
      seconds("tcp.keepAlive", tcp(&TcpOptions::keep_alive), 0, 7200),
      seconds("tcp.userTimeout", tcp(&TcpOptions::user_timeout), 0, 7200),
  };
}

std::vector<Key> agent_keys() {
  const auto agent = [](auto field) { return at(&Options::agent, field); };
  return live({
      guard(networks("agent.allow", agent(&AgentOptions::allow))),
      count("agent.maxInFlight", agent(&AgentOptions::max_in_flight), 1, 100'000),
      count("agent.maxWaiting", agent(&AgentOptions::max_waiting), 0, 10 * kMillion),
      count("agent.maxWaitingTotal", agent(&AgentOptions::max_waiting_total), 0, 10 * kMillion),
      count("agent.maxConnections", agent(&AgentOptions::max_connections), 1, kMillion),
      count("agent.maxBatch", agent(&AgentOptions::max_batch), 1, 10'000),
      seconds("agent.idleTimeout", agent(&AgentOptions::idle), 1, kDay),
      count("agent.breaker.failures", agent(&AgentOptions::breaker_failures), 0, kMillion),
      seconds("agent.breaker.pause", agent(&AgentOptions::breaker_pause), 1, 3600),
      seconds("agent.offlineAfter", agent(&AgentOptions::offline_after), 0, 365 * kDay),
      millis("agent.offlineConnect", agent(&AgentOptions::offline_connect), 1, 600'000),
  });
}

std::vector<Key> processor_keys() {
  const auto processor = [](auto field) { return at(&Options::processor, field); };
  return live({
      millis("processor.timeout", processor(&ProcessorOptions::timeout), 1, 3'600'000),
      count("processor.maxInFlight", processor(&ProcessorOptions::max_in_flight), 1, 100'000),
      count("processor.maxWaiting", processor(&ProcessorOptions::max_waiting), 0, 10 * kMillion),
      seconds("processor.idleTimeout", processor(&ProcessorOptions::idle), 0, kDay),
      count("processor.breaker.failures", processor(&ProcessorOptions::breaker_failures), 0, kMillion),
      seconds("processor.breaker.pause", processor(&ProcessorOptions::breaker_pause), 1, 3600),
  });
}

// A value without a port was hardly meant as an address.
std::string set_processor_address(Options& options, const std::string& app, const std::string& value) {
  if (parse_host_port(value)) {
    options.processor.addresses[app] = value;
    return "";
  }
  std::string right = "address of an app's processor: name:port, IP:port or [IPv6]:port";
  if (value.find(':') == std::string::npos)
    right.append("; the setting with the nearest name is ").append(nearest_key("processor." + app));
  return right;
}

std::vector<Key> job_keys() {
  const auto job = [](auto field) { return at(&Options::job, field); };
  return {
      seconds("job.defaultTimeout", job(&JobOptions::default_timeout), 1, 7 * kDay),
      live(seconds("job.grace", job(&JobOptions::grace), 0, 3600)),
      live(seconds("job.grace.sync", job(&JobOptions::sync_grace), 0, 3600)),
      live(count("job.maxOpen", job(&JobOptions::max_open), 1, 10 * kMillion)),
      live(bytes("job.maxOpenBytes", job(&JobOptions::max_open_bytes), kMiB, kMiB * kMiB)),
      live(count("job.retry.attempts", job(&JobOptions::retry_attempts), 1, 1000)),
      live(millis("job.retry.pause", job(&JobOptions::retry_pause), 10, 3'600'000)),
      live(millis("job.retry.maxPause", job(&JobOptions::retry_max_pause), 10, 3'600'000)),
  };
}

std::vector<Key> result_keys() {
  const auto result = [](auto field) { return at(&Options::result, field); };
  return live({
      seconds("result.keep", result(&ResultOptions::keep), 0, 365 * kDay),
      count("result.keepMax", result(&ResultOptions::keep_max), 0, kMillion),
      guard(flag("result.acceptUnknown", result(&ResultOptions::accept_unknown))),
  });
}

std::vector<Key> journal_keys() {
  const auto journal = [](auto field) { return at(&Options::journal, field); };
  return {
      text("journal.path", journal(&JournalOptions::path), any_text,
           "file name; empty = in memory, forgotten at every restart"),
      seconds("journal.keep", journal(&JournalOptions::keep), 1, 3650 * kDay),
      count("journal.keepJobs", journal(&JournalOptions::keep_jobs), 0, 100 * kMillion),
      bytes("journal.maxBytes", journal(&JournalOptions::max_bytes), kMiB, kMiB * kMiB),
  };
}

std::vector<Key> admin_keys() {
  const auto admin = [](auto field) { return at(&Options::admin, field); };
  return {
      flag("admin.enabled", admin(&AdminOptions::enabled)),
      text(
          "admin.listen", admin(&AdminOptions::listen),
          [](const std::string& value) { return parse_listen(value).has_value(); },
          "address to listen on: 127.0.0.1:10180, [::1]:10180 or the like"),
      count("admin.maxConnections", admin(&AdminOptions::max_connections), 1, kMillion),
      count("admin.maxConnectionsPerAddress", admin(&AdminOptions::max_per_address), 1, kMillion),
      seconds("admin.headerTimeout", admin(&AdminOptions::header_time), 1, 3600),
      seconds("admin.idleTimeout", admin(&AdminOptions::idle), 1, kDay),
      bytes("admin.maxHeader", admin(&AdminOptions::max_header), 1024, kMiB),
      bytes("admin.maxUnsent", admin(&AdminOptions::max_unsent), kMiB, kMiB * kMiB),
  };
}

std::vector<Key> audit_keys() {
  const auto audit = [](auto field) { return at(&Options::audit, field); };
  return {
      text("audit.file", audit(&AuditOptions::file), any_text, "file name: empty means no audit log"),
      choice("audit.param", audit(&AuditOptions::param), {"hash", "full"}),
      count("audit.maxWaiting", audit(&AuditOptions::max_waiting), 1, 10 * kMillion),
  };
}

std::vector<Key> zookeeper_keys() {
  const auto zookeeper = [](auto field) { return at(&Options::zookeeper, field); };
  return {
      flag("zookeeper.enabled", zookeeper(&ZookeeperOptions::enabled)),
      text("zookeeper.host", zookeeper(&ZookeeperOptions::host), is_ensemble,
           "ensemble: host:port,host:port/chroot without spaces, ports from 1 to 65535"),
      millis("zookeeper.outTime", zookeeper(&ZookeeperOptions::out_time), 1, 600'000),
      text("zookeeper.root", zookeeper(&ZookeeperOptions::root), absolute_node,
           "node: a path that begins with / and does not end with one"),
      count("zookeeper.maxWatched", zookeeper(&ZookeeperOptions::max_watched), 1, 20'000),
      count("zookeeper.maxAgents", zookeeper(&ZookeeperOptions::max_agents), 1, kMillion),
  };
}

std::vector<Key> log_keys() {
  const auto log = [](auto field) { return at(&Options::log, field); };
  return {
      live(choice("log.level", log(&log::LogOptions::level), {"trace", "debug", "info", "warn", "error"})),
      text("log.file", log(&log::LogOptions::file), any_text, "file name: empty means standard error"),
      choice("log.format", log(&log::LogOptions::format), {"text", "json"}),
      bytes("log.maxBytes", log(&log::LogOptions::rotate_bytes), 4096, kMiB * kMiB),
      count("log.maxFiles", log(&log::LogOptions::rotate_files), 1, 1000),
  };
}

std::vector<Key> process_keys() {
  return {
      live(seconds(
          "drain.timeout", [](auto& options) -> auto& { return options.drain; }, 0, 3600)),
  };
}

std::vector<Key> make_keys() {
  std::vector<Key> all;
  for (const auto& group : {mq_keys(), thrift_keys(), tls_keys(), tcp_keys(), agent_keys(), processor_keys(),
                            job_keys(), result_keys(), journal_keys(), admin_keys(), audit_keys(),
                            zookeeper_keys(), log_keys(), process_keys()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> table = make_keys();
  return table;
}

const std::vector<KeyFamily>& key_families() {
  static const std::vector<KeyFamily> table{{"processor.", "processor.{app}", set_processor_address}};
  return table;
}

const std::vector<Secret>& secrets() {
  static const std::vector<Secret> table{
      {"mq.password", "mq.password.file", "ELVES_MQ_PASSWORD", at(&Options::mq, &MqOptions::password)},
      {"admin.token", "admin.token.file", "ELVES_ADMIN_TOKEN", at(&Options::admin, &AdminOptions::token),
       true},
      {"zookeeper.auth", "zookeeper.auth.file", "ELVES_ZOOKEEPER_AUTH",
       at(&Options::zookeeper, &ZookeeperOptions::auth)},
      {"admin.token.readOnly", "admin.token.readOnly.file", "ELVES_ADMIN_TOKEN_READONLY",
       at(&Options::admin, &AdminOptions::read_only_token), true},
  };
  return table;
}

}  // namespace elves::config
