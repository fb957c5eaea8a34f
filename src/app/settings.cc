#include "app/settings.h"

#include <utility>

#include "journal/memory_journal.h"
#include "journal/sqlite_journal.h"

namespace elves::app {

DispatchLimits dispatch_limits(const config::Options& options) {
  DispatchLimits limits;
  limits.max_open = options.job.max_open;
  limits.grace = options.job.grace;
  limits.max_hold = options.mq.max_hold;
  limits.fresh = options.mq.heartbeat;
  limits.keep_unheard = options.result.keep;
  limits.max_unheard = options.result.keep_max;
  limits.retry = {options.job.retry_attempts, options.job.retry_pause, options.job.retry_max_pause};
  return limits;
}

agent::PoolOptions pool_options(const config::Options& options) {
  agent::PoolOptions pool;
  pool.port = options.thrift.agent_port;
  pool.out_time = options.thrift.out_time;
  pool.max_in_flight = options.agent.max_in_flight;
  pool.max_waiting = options.agent.max_waiting;
  pool.max_batch = options.agent.max_batch;
  pool.idle = options.agent.idle;
  pool.breaker = {options.agent.breaker_failures, options.agent.breaker_pause};
  pool.limits.max_bytes = options.thrift.max_message;
  return pool;
}

wire::ServerLimits server_limits(const config::Options& options) {
  return {options.thrift.max_message, options.thrift.max_connections, options.thrift.idle};
}

dialect::Limits api_limits(const config::Options& options) {
  dialect::Limits limits;
  limits.max_body = options.mq.max_message;
  limits.default_timeout = options.job.default_timeout;
  return limits;
}

std::unique_ptr<Journal> open_journal(const config::JournalOptions& journal, JournalPost post,
                                      std::function<std::vector<JobRecord>()> open_now) {
  if (journal.path.empty()) return std::make_unique<MemoryJournal>(journal.keep_jobs, std::move(post));
  SqliteJournal::Options options;
  options.path = journal.path;
  options.keep = {journal.keep, journal.keep_jobs, journal.max_bytes};
  options.open_now = std::move(open_now);
  return std::make_unique<SqliteJournal>(options, std::move(post));
}

}  // namespace elves::app
