// The configuration as each room wants it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/http_server.h"
#include "agent/agent_pool.h"
#include "agent/processor_pool.h"
#include "app/tls_sides.h"
#include "audit/audit_log.h"
#include "base/door.h"
#include "config/options.h"
#include "dialect/limits.h"
#include "dispatch/dispatcher.h"
#include "journal/readable_journal.h"
#include "registry/registry.h"
#include "wire/server.h"

namespace elves::app {

DispatchLimits dispatch_limits(const config::Options& options);
agent::PoolOptions pool_options(const config::Options& options, const TlsSides& tls);
agent::ProcessorPoolOptions processor_options(const config::Options& options);
wire::ServerLimits server_limits(const config::Options& options);
audit::AuditOptions audit_options(const config::Options& options);
inline constexpr DoorKeys kThriftKeys{"thrift.allow", "thrift.maxConnections",
                                      "thrift.maxConnectionsPerAddress"};
inline constexpr DoorKeys kHttpKeys{"", "admin.maxConnections", "admin.maxConnectionsPerAddress"};
// Counts a door's refusals as the events from `first` on.
Door::OnRefused counting(MetricsSink& metrics, Event first);
DoorLimits thrift_door(const config::Options& options);
admin::HttpOptions http_options(const config::Options& options, const TlsSides& tls);
DoorLimits http_door(const config::Options& options);
dialect::Limits request_limits(const config::Options& options);

// The limits by key, as /metrics tells them: docs/limits.md.
std::vector<std::pair<std::string, double>> limits_in_force(const config::Options& options);

// `instance` as Journal::instance().
registry::Options registry_options(const config::Options& options);
registry::Self registry_self(const config::Options& options, const Clock& clock, std::string instance);

using JournalPost = std::function<void(std::function<void()>)>;
// In memory when journal.path is empty. Throws std::runtime_error saying why the file cannot be used.
// `post` brings an action to the loop; `open_now` tells what is open, loop thread only.
std::unique_ptr<ReadableJournal> open_journal(const config::JournalOptions& journal, MetricsSink& metrics,
                                              JournalPost post,
                                              std::function<std::vector<JobRecord>()> open_now);

}  // namespace elves::app
