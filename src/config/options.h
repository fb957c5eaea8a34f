// Every setting of elves-scheduler with its default: the one typed place for them. docs/configuration.md is
// the page for users; tests hold the two to each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/ip.h"
#include "base/log.h"

namespace elves::config {

struct MqOptions {
  std::string ip = "127.0.0.1";    // mq.ip
  std::uint16_t port = 5672;       // mq.port
  std::string hosts;               // mq.hosts: nodes of a cluster; "" = mq.ip alone
  std::string user = "guest";      // mq.user
  std::string password = "guest";  // mq.password, mq.password.file, ELVES_MQ_PASSWORD; never logged
  std::string vhost = "/";         // mq.vhost
  std::string exchange = "elves";  // mq.exchange
  std::uint16_t prefetch =
      20000;  // mq.prefetch: unacknowledged deliveries, and so synchronous jobs in flight
  std::chrono::seconds heartbeat{10};           // mq.heartbeat
  std::size_t max_message = 8u << 20;           // mq.maxMessage: bytes of one request
  std::size_t max_depth = 64;                   // mq.maxDepth: nesting of a request's JSON
  std::uint32_t dead_max_length = 10000;        // mq.dead.maxLength: messages in scheduler.dead
  std::string queue_type = "existing";          // mq.queueType: existing, classic or quorum
  std::chrono::seconds max_hold{1200};          // mq.maxHold: no delivery stays unacknowledged for longer
  std::chrono::seconds max_refused{86'400};     // mq.maxRefused: what the broker refuses is tried so long
  std::chrono::seconds max_refused_reply{300};  // mq.maxRefusedReply: likewise, where somebody waits for it
  std::uint32_t peers_max_length = 1'000'000;   // mq.peers.maxLength: notices that wait for a scheduler
  std::chrono::seconds peers_expires{7 * 24 * 3600};  // mq.peers.expires: of a scheduler that is gone
};

struct MqTlsOptions {
  bool enabled = false;     // mq.tls.enabled
  std::string ca;           // mq.tls.ca: "" = the authorities of the system
  std::string cert;         // mq.tls.cert: what the broker is shown; "" = nothing
  std::string key;          // mq.tls.key: "" = in the same file
  bool verify = true;       // mq.tls.verify: the broker's certificate and name
  std::string server_name;  // mq.tls.serverName: the name to look for; "" = the host that is connected to
};

struct ThriftOptions {
  std::string host = "0.0.0.0";      // thrift.scheduler.host: where dataTransport is served
  std::uint16_t port = 10101;        // thrift.scheduler.port
  std::uint16_t agent_port = 11101;  // thrift.agent.port
  std::chrono::milliseconds out_time{
      3000};                            // thrift.outTime: connecting, and instructionInvokeAsync's answer
  std::size_t max_message = 16u << 20;  // thrift.maxMessage: bytes of one Thrift message
  std::size_t max_depth = 16;           // thrift.maxDepth: structs and containers inside each other
  Networks allow;                       // thrift.allow: who may call dataTransport; empty = anybody
  Networks trust_forwarders;            // thrift.trustForwarders: who may bring results of others' jobs
  std::size_t max_connections = 20000;  // thrift.maxConnections: peers on the scheduler's port
  std::size_t max_per_address = 1000;   // thrift.maxConnectionsPerAddress: of them
  std::chrono::seconds first{30};       // thrift.firstTimeout: for a new connection's first call to be whole
  std::chrono::seconds idle{300};       // thrift.idleTimeout: of a peer's connection
  bool plain = true;                    // thrift.plain: whether thrift.scheduler.port is open at all
};

struct ThriftTlsOptions {
  std::uint16_t port = 0;            // thrift.tls.port: dataTransport over TLS; 0 = none
  std::string ca;                    // thrift.tls.ca: certifies agents; "" = the authorities of the system
  std::string cert;                  // thrift.tls.cert: shown by the port, and to agents
  std::string key;                   // thrift.tls.key: "" = in the same file
  std::string client_cert = "none";  // thrift.tls.clientCert: none, optional or required
  std::string agents = "off";        // thrift.tls.agents: off, prefer or require
  std::uint16_t agent_port = 11102;  // thrift.tls.agentPort
  bool verify_name = true;           // thrift.tls.verifyName: an agent's certificate must have its address
  std::chrono::milliseconds handshake{5000};  // thrift.tls.handshakeTime: of a peer on the port
  std::size_t max_handshakes = 500;           // thrift.tls.maxHandshakes: begun on the port in a second
};

struct TcpOptions {
  std::chrono::seconds keep_alive{
      15};  // tcp.keepAlive: a silent connection is asked whether it lives; 0 = never
  std::chrono::seconds user_timeout{
      30};  // tcp.userTimeout: without a sign of life it is dead; 0 = the system's
};

struct AgentOptions {
  Networks allow;                   // agent.allow: addresses that jobs may name; empty = all; else: 403.1
  std::size_t max_in_flight = 256;  // agent.maxInFlight: calls to one agent at a time
  std::size_t max_waiting = 20000;  // agent.maxWaiting: jobs queued for one agent; beyond: 410.5
  std::size_t max_waiting_total = 100000;  // agent.maxWaitingTotal: jobs queued for all agents; beyond: 410.5
  std::size_t max_connections = 50000;     // agent.maxConnections: to all agents; beyond: 410.5
  std::size_t max_batch = 64;              // agent.maxBatch: asynchronous jobs in one call
  std::chrono::seconds idle{60};           // agent.idleTimeout: an unused connection is closed
  std::uint32_t breaker_failures = 5;  // agent.breaker.failures: unanswered, then it is left alone; 0 = never
  std::chrono::seconds breaker_pause{10};  // agent.breaker.pause: for so long at most; a second at first
  std::chrono::seconds offline_after{60};  // agent.offlineAfter: ZooKeeper knows it to be offline for so long
  std::chrono::milliseconds offline_connect{500};  // agent.offlineConnect: then connecting takes no longer
};

struct ProcessorOptions {
  std::map<std::string, std::string>
      addresses;                             // processor.{app}: host:port, the host a name or an IP, by app
  std::chrono::milliseconds timeout{10000};  // processor.timeout: for the whole call, waiting included
  std::size_t max_in_flight = 32;            // processor.maxInFlight: calls to one app's at a time
  std::size_t max_waiting = 20000;           // processor.maxWaiting: results that wait for one; beyond: 413.3
  std::chrono::seconds idle{0};            // processor.idleTimeout: an unused connection is closed; 0 = each
  std::uint32_t breaker_failures = 5;      // processor.breaker.failures: as agent.breaker.failures
  std::chrono::seconds breaker_pause{10};  // processor.breaker.pause: likewise
};

struct JobOptions {
  std::chrono::seconds default_timeout{90};  // job.defaultTimeout
  std::chrono::seconds grace{5};             // job.grace: added to an asynchronous job's timeout before 410.2
  std::chrono::seconds sync_grace{3};        // job.grace.sync: to a synchronous one's
  std::size_t max_open = 200000;             // job.maxOpen: jobs in all; beyond: 410.5
  std::uint64_t max_open_bytes = 2ULL << 30;  // job.maxOpenBytes: of their params and results; likewise
  std::uint32_t retry_attempts = 1;           // job.retry.attempts: asynchronous, calls in all; 1 = no retry
  std::chrono::milliseconds retry_pause{1000};       // job.retry.pause: before the second call, at most
  std::chrono::milliseconds retry_max_pause{30000};  // job.retry.maxPause: before any, at most
};

struct ResultOptions {
  std::chrono::seconds keep{24 * 3600};  // result.keep: one that nobody listens for is sent again so long
  std::size_t keep_max = 10000;          // result.keepMax: and so many of them
  bool accept_unknown = true;            // result.acceptUnknown: of jobs that this scheduler does not know
};

struct JournalOptions {
  std::string path = "var/journal.db";       // journal.path: "" = in memory, forgotten when the process ends
  std::chrono::seconds keep{7 * 24 * 3600};  // journal.keep: how long finished jobs can be looked at
  std::size_t keep_jobs = 100000;            // journal.keepJobs: and how many of them
  std::size_t max_bytes = std::size_t{4} << 30;  // journal.maxBytes: finished jobs leave earlier beyond it
};

struct AdminOptions {
  bool enabled = true;                     // admin.enabled
  std::string listen = "127.0.0.1:10180";  // admin.listen: host:port or [v6]:port
  std::string token;            // admin.token, admin.token.file, ELVES_ADMIN_TOKEN; needed off loopback
  std::string read_only_token;  // admin.token.readOnly, its .file, ELVES_ADMIN_TOKEN_READONLY: GET only
  std::size_t max_connections = 1000;    // admin.maxConnections: at a time; beyond: 503
  std::size_t max_per_address = 500;     // admin.maxConnectionsPerAddress: of them
  std::chrono::seconds header_time{10};  // admin.headerTimeout: for a request to arrive whole
  std::chrono::seconds idle{60};         // admin.idleTimeout: between requests of one connection
  std::uint32_t max_header = 16u << 10;  // admin.maxHeader: bytes of request line and header fields
  std::size_t max_unsent = 256u << 20;   // admin.maxUnsent: bytes of answers that clients have not taken
};

struct AdminTlsOptions {
  std::string cert;  // admin.tls.cert: "" = plain HTTP
  std::string key;   // admin.tls.key: "" = in the same file
  std::string ca;    // admin.tls.ca: clients need a certificate of it; "" = they need none
};

struct AuditOptions {
  std::string file;                   // audit.file: "" = none is kept
  std::string param = "hash";         // audit.param: hash | full
  std::size_t max_waiting = 100'000;  // audit.maxWaiting: lines not yet written; further ones are lost
};

struct ZookeeperOptions {
  bool enabled = false;                       // zookeeper.enabled; true when zookeeper.host is set
  std::string host;                           // zookeeper.host: ensemble list
  std::chrono::milliseconds out_time{10000};  // zookeeper.outTime: session and connect timeout
  std::string root = "/elves";                // zookeeper.root
  std::string auth;  // zookeeper.auth, zookeeper.auth.file, ELVES_ZOOKEEPER_AUTH: user:password; never logged
  std::size_t max_watched = 5000;   // zookeeper.maxWatched: schedulers, and processors, that are looked at
  std::size_t max_agents = 200000;  // zookeeper.maxAgents: agents whose state is known
};

struct Options {
  bool standalone = false;  // --standalone: no broker, no ZooKeeper
  std::string ready_file;   // --ready-file: is there while jobs are taken; "" = none
  MqOptions mq;
  MqTlsOptions mq_tls;
  ThriftOptions thrift;
  ThriftTlsOptions thrift_tls;
  TcpOptions tcp;
  AgentOptions agent;
  ProcessorOptions processor;
  JobOptions job;
  ResultOptions result;
  JournalOptions journal;
  AdminOptions admin;
  AuditOptions audit;
  AdminTlsOptions admin_tls;
  ZookeeperOptions zookeeper;
  log::LogOptions log;             // log.level, log.file, log.format, log.maxBytes, log.maxFiles
  std::chrono::seconds drain{30};  // drain.timeout
};

}  // namespace elves::config
