#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

namespace elves {
namespace {

struct Named {
  const char* name;
  const char* help;
};

// In the order of Event.
constexpr std::array<Named, kEvents> kNames{{
    {"elves_jobs_received_total", "Requests taken, rejected ones included"},
    {"elves_jobs_rejected_total",
     "Requests that were not run because they were illegal or a limit was reached"},
    {"elves_jobs_malformed_total", "Requests that could not be read, were too large or nested too deep"},
    {"elves_jobs_outside_total", "Jobs not sent because their machine is not in agent.allow"},
    {"elves_jobs_over_open_total", "Requests rejected because of job.maxOpen or job.maxOpenBytes"},
    {"elves_jobs_over_queued_total", "Jobs refused because agent.maxWaiting or agent.maxWaitingTotal waited"},
    {"elves_jobs_succeeded_total", "Jobs whose every stage succeeded"},
    {"elves_jobs_failed_total", "Jobs that ended in a failure"},
    {"elves_job_retries_total", "Calls of agents made again because nothing could be sent before"},
    {"elves_results_late_total", "Results that came after their job had timed out"},
    {"elves_results_duplicate_total", "Second results, ignored"},
    {"elves_results_unknown_total", "Results of jobs that this scheduler did not dispatch, forwarded"},
    {"elves_results_refused_total", "Results refused: not brought by their agent, or of no known job"},
    {"elves_jobs_settled_elsewhere_total", "Jobs whose end another scheduler told"},
    {"elves_redeliveries_joined_total", "Redelivered requests whose job was open or over here"},
    {"elves_redeliveries_refused_total", "Redelivered synchronous requests answered with 410.3"},
    {"elves_dead_letters_total", "Messages sent to the dead letter queue"},
    {"elves_replies_returned_total", "Messages that the broker returned because nobody listens there"},
    {"elves_publish_retries_total", "Messages that the broker refused and that were sent again"},
    {"elves_broker_connects_total", "Connections made to the broker"},
    {"elves_broker_losses_total", "Connections to the broker lost"},
    {"elves_agent_breaker_opens_total", "Agents that could not be reached too often in a row"},
    {"elves_agent_breaker_refusals_total", "Calls that failed at once because of it"},
    {"elves_audit_lines_lost_total", "Lines of the audit log that could not be written"},
    {"elves_journal_texts_left_out_total",
     "Jobs whose param and result the history has not: too much waited for its disk"},
    {"elves_journal_entries_lost_total", "Jobs that the history has not: far too much waited for its disk"},
    {"elves_agent_offline_tries_total", "Connections tried for a short time, to agents known to be offline"},
    {"elves_zookeeper_connects_total", "Connections made to ZooKeeper"},
    {"elves_zookeeper_losses_total", "Connections to ZooKeeper lost"},
    {"elves_zookeeper_expirations_total", "Sessions with ZooKeeper that have expired"},
    {"elves_zookeeper_registrations_total", "Times this scheduler registered itself"},
    {"elves_zookeeper_refusals_total", "Nodes that ZooKeeper did not let be read or made"},
    {"elves_zookeeper_bad_data_total", "Nodes that hold what they should not"},
    {"elves_processor_calls_total", "Results that an app's processor took"},
    {"elves_processor_failures_total", "Results that were to go to a processor and failed to"},
    {"elves_processor_overloads_total", "Of these, because too many waited for the processor"},
    {"elves_processor_breaker_opens_total", "Processors that could not be reached too often in a row"},
    {"elves_processor_breaker_refusals_total", "Calls that failed at once because of it"},
    {"elves_agent_over_connections_total", "Calls that failed because of agent.maxConnections"},
    {"elves_agent_plain_connections_total",
     "Connections to agents made without TLS although it is preferred"},
    {"elves_tls_refused_total", "Connections that were given up in the TLS handshake, by either side"},
    {"elves_thrift_refused_allow_total", "Connections from addresses that are not in thrift.allow"},
    {"elves_thrift_refused_connections_total", "Connections beyond thrift.maxConnections"},
    {"elves_thrift_refused_address_total", "Connections beyond thrift.maxConnectionsPerAddress"},
    {"elves_thrift_slow_total", "Connections closed without a whole call in time"},
    {"elves_thrift_broken_total", "Connections closed because what came was no Thrift call, or too large"},
    {"elves_http_refused_allow_total", "Connections from addresses that may not use the HTTP API"},
    {"elves_http_refused_connections_total", "Connections beyond admin.maxConnections"},
    {"elves_http_refused_address_total", "Connections beyond admin.maxConnectionsPerAddress"},
    {"elves_http_slow_total", "Connections closed without a whole request in time"},
    {"elves_http_broken_total", "Connections closed because what came was no HTTP request, or too large"},
}};

struct NamedReading {
  const char* name;
  const char* help;
  const char* state = nullptr;  // the label of that name
};

constexpr const char* kOpenJobs = "elves_jobs_open";
constexpr const char* kOpenJobsHelp = "Jobs that have not ended, by state";

// In the order of Reading.
constexpr std::array<NamedReading, kReadings> kGauges{{
    {kOpenJobs, kOpenJobsHelp, "received"},
    {kOpenJobs, kOpenJobsHelp, "accepted"},
    {kOpenJobs, kOpenJobsHelp, "settled"},
    {"elves_open_bytes", "Params and results of open jobs"},
    {"elves_jobs_queued", "Jobs that wait until their agents are free"},
    {"elves_results_unheard", "Results that nobody listens for, kept"},
    {"elves_replies_unconfirmed", "Messages that belong to no open job, not yet confirmed by the broker"},
    {"elves_destinations_paused",
     "Routing keys and queues that the broker refuses messages for, or does not confirm them"},
    {"elves_messages_paused", "Messages that wait for these"},
    {"elves_unconfirmed_age_seconds", "Age of the oldest message that the broker has not confirmed"},
    {"elves_messages_shortened", "Messages that were too large for the broker, since the start"},
    {"elves_agents", "Agents that something is remembered of"},
    {"elves_agent_connections", "Connections to agents"},
    {"elves_thrift_connections", "Connections on the port for results"},
    {"elves_http_connections", "Connections of the HTTP API"},
    {"elves_broker_connected", "1 when requests come and answers leave"},
    {"elves_broker_misfits", "Exchanges and queues that exist otherwise than they are made, and are used"},
    {"elves_journal_trouble", "1 while the journal cannot be written"},
    {"elves_history_trouble", "1 while jobs that are over cannot be written to the history"},
    {"elves_draining", "1 once the scheduler is shutting down"},
    {"elves_log_lines_lost", "Lines of the log that are lost since the start: too many waited to be written"},
}};

}  // namespace

Metrics::Metrics() : registry_(std::make_unique<prometheus::Registry>()) {
  for (std::size_t i = 0; i < kEvents; ++i) {
    counters_[i] =
        &prometheus::BuildCounter().Name(kNames[i].name).Help(kNames[i].help).Register(*registry_).Add({});
  }
  for (std::size_t i = 0; i < kReadings; ++i) {
    const auto& [name, help, state] = kGauges[i];
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(*registry_);
    gauges_[i] = &family.Add(state ? prometheus::Labels{{"state", state}} : prometheus::Labels{});
  }
  limits_ = &prometheus::BuildGauge()
                 .Name("elves_limit")
                 .Help("What the limits are set to, by configuration key")
                 .Register(*registry_);
  broker_nodes_ = &prometheus::BuildGauge()
                       .Name("elves_broker_node")
                       .Help("1: the node of the broker that a connection goes to")
                       .Register(*registry_);
}

Metrics::~Metrics() = default;

void Metrics::count(Event event) { counters_[static_cast<std::size_t>(event)]->Increment(); }

void Metrics::set(Reading reading, std::size_t value) {
  gauges_[static_cast<std::size_t>(reading)]->Set(static_cast<double>(value));
}

void Metrics::set_limit(const std::string& key, double value) { limits_->Add({{"key", key}}).Set(value); }

void Metrics::set_node(const std::string& connection, const std::string& node) {
  const auto before = nodes_.find(connection);
  if (before != nodes_.end()) {
    if (before->second.name == node) return;
    broker_nodes_->Remove(before->second.gauge);
    nodes_.erase(before);
  }
  if (node.empty()) return;
  auto& gauge = broker_nodes_->Add({{"connection", connection}, {"node", node}});
  gauge.Set(1);
  nodes_.emplace(connection, Node{node, &gauge});
}

std::string Metrics::text() { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

}  // namespace elves
