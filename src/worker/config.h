// The agent's configuration: the cfg.json of the Elves agent, and a few keys of this one. docs/agent.md is
// the page for users.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/door.h"
#include "base/host_port.h"
#include "base/log.h"
#include "base/tcp_liveness.h"
#include "tls/credentials.h"
#include "worker/command.h"
#include "worker/runner.h"
#include "worker/state.h"

namespace elves::worker {

struct SchedulerOptions {
  // scheduler.addr: names or IPs, each with a port of its own or scheduler.port; one is used until it fails,
  // then the next. None: asynchronous instructions are refused.
  std::vector<HostPort> addresses;
  Seconds timeout{5};  // scheduler.timeout: connecting, and the answer to dataTransport; each
};

struct TlsOptions {
  std::uint16_t port = 0;  // tls.port: a second port, for calls over TLS; 0 = none
  bool plain = true;       // tls.plain: whether the first port is open at all
  bool scheduler = false;  // tls.scheduler: results go over TLS
  std::string ca;          // tls.ca: certifies schedulers; "" = the authorities of the system
  std::string cert;        // tls.cert
  std::string key;         // tls.key: "" = in the same file
  tls::PeerCheck client_cert = tls::PeerCheck::none;  // tls.clientcert: none, optional or required
  bool verify_name =
      true;  // tls.verifyname: the scheduler's certificate must name what scheduler.addr calls it
};

// What the agent shows and believes; null where no TLS is configured.
struct AgentCredentials {
  tls::CredentialsPtr port;
  tls::CredentialsPtr scheduler;
};

struct AgentConfig {
  std::string asset;                         // asset: this machine's name for people; default: ip
  std::string ip;                            // ip: this machine's address, as the scheduler calls it
  std::string listen;                        // listen: the address to bind; default: ip
  std::uint16_t port = 11101;                // port
  DoorLimits door{.max_connections = 2000};  // authips, maxconnections, maxconnectionsperaddress
  SchedulerOptions scheduler;
  TlsOptions tls;
  TcpLiveness tcp;             // tcp.keepalive, tcp.usertimeout
  std::set<std::string> apps;  // the names in apps
  bool any_app = false;        // no apps listed, or devmode: every folder of appsdir is an app
  Launcher launcher;           // appsdir, worker.entry, worker.python
  RunnerLimits limits;         // worker.max, worker.queue, worker.timeout, worker.maxoutput
  StateOptions state;          // statedir, state.maxbytes, state.keepdays, state.keepcount
  Seconds drain{30};           // draintimeout: what SIGTERM leaves to running workers
  log::LogOptions log;         // log.level, log.file, log.format
  std::vector<std::string>
      ignored;  // keys in use that this agent does not support yet, each with what that means
  std::map<std::string, std::string> given;  // what the file has: JSON by dotted key in lower case
};

struct LoadedConfig {
  AgentConfig config;
  std::vector<std::string>
      errors;  // "cfg.json: port: 'x' is no port: a number from 1 to 65535"; with any: exit 78
  std::vector<std::string> warnings;  // unknown and repeated keys, and folders that are not there
};

// Reads `text`, the content of `file`. Like the Elves agent's own reader it ignores the case of keys and
// takes null as absent; beyond it, numbers may be strings, and comments (/* */ and //) and trailing commas
// are passed over. Relative paths are below the release's root: the folder that holds conf/, or `file`'s own
// folder when that has another name. `program` is the folder of the running program, where the shipped
// app-worker.py is looked for too.
LoadedConfig load_config_text(std::string_view text, const std::filesystem::path& file,
                              const std::filesystem::path& program);

// The same of a file; one that cannot be read is an error in the answer.
LoadedConfig load_config(const std::filesystem::path& file, const std::filesystem::path& program);

// Reads the certificates. Throws tls::Fault, which names the file.
AgentCredentials load_credentials(const AgentConfig& config);

}  // namespace elves::worker
