#include "metrics/metrics.h"

#include <prometheus/counter.h>
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
    {"elves_jobs_succeeded_total", "Jobs whose every stage succeeded"},
    {"elves_jobs_failed_total", "Jobs that ended in a failure"},
    {"elves_job_retries_total", "Calls of agents made again because nothing could be sent before"},
    {"elves_results_late_total", "Results that came after their job had timed out"},
    {"elves_results_duplicate_total", "Second results, ignored"},
    {"elves_results_unknown_total", "Results of jobs that this scheduler did not dispatch, forwarded"},
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
}};

}  // namespace

Metrics::Metrics() : registry_(std::make_unique<prometheus::Registry>()) {
  for (std::size_t i = 0; i < kEvents; ++i) {
    counters_[i] =
        &prometheus::BuildCounter().Name(kNames[i].name).Help(kNames[i].help).Register(*registry_).Add({});
  }
}

Metrics::~Metrics() = default;

void Metrics::count(Event event) { counters_[static_cast<std::size_t>(event)]->Increment(); }

std::string Metrics::text() { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

}  // namespace elves
