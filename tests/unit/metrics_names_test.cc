// Dashboards and alarms know these names: a change here breaks them.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "metrics/metrics.h"

namespace elves {
namespace {

const std::set<std::string> kGolden{
    "elves_agent_breaker_opens_total counter",
    "elves_agent_breaker_refusals_total counter",
    "elves_agent_connections gauge",
    "elves_agent_over_connections_total counter",
    "elves_agent_plain_connections_total counter",
    "elves_agent_offline_tries_total counter",
    "elves_agents gauge",
    "elves_audit_lines_lost_total counter",
    "elves_journal_texts_left_out_total counter",
    "elves_journal_entries_lost_total counter",
    "elves_broker_connected gauge",
    "elves_broker_connects_total counter",
    "elves_broker_losses_total counter",
    "elves_broker_misfits gauge",
    "elves_dead_letters_total counter",
    "elves_destinations_paused gauge",
    "elves_draining gauge",
    "elves_log_lines_lost gauge",
    "elves_http_broken_total counter",
    "elves_http_connections gauge",
    "elves_http_refused_address_total counter",
    "elves_http_refused_allow_total counter",
    "elves_http_refused_connections_total counter",
    "elves_http_slow_total counter",
    "elves_job_retries_total counter",
    "elves_jobs_failed_total counter",
    "elves_jobs_malformed_total counter",
    "elves_jobs_open gauge",
    "elves_jobs_outside_total counter",
    "elves_jobs_over_open_total counter",
    "elves_jobs_over_queued_total counter",
    "elves_jobs_queued gauge",
    "elves_open_bytes gauge",
    "elves_jobs_received_total counter",
    "elves_jobs_rejected_total counter",
    "elves_jobs_settled_elsewhere_total counter",
    "elves_jobs_succeeded_total counter",
    "elves_messages_paused gauge",
    "elves_messages_shortened gauge",
    "elves_unconfirmed_age_seconds gauge",
    "elves_journal_trouble gauge",
    "elves_history_trouble gauge",
    "elves_limit gauge",
    "elves_processor_breaker_opens_total counter",
    "elves_processor_breaker_refusals_total counter",
    "elves_processor_calls_total counter",
    "elves_processor_failures_total counter",
    "elves_processor_overloads_total counter",
    "elves_publish_retries_total counter",
    "elves_redeliveries_joined_total counter",
    "elves_redeliveries_refused_total counter",
    "elves_replies_returned_total counter",
    "elves_replies_unconfirmed gauge",
    "elves_results_duplicate_total counter",
    "elves_results_late_total counter",
    "elves_results_refused_total counter",
    "elves_results_unheard gauge",
    "elves_results_unknown_total counter",
    "elves_thrift_broken_total counter",
    "elves_thrift_connections gauge",
    "elves_thrift_refused_address_total counter",
    "elves_thrift_refused_allow_total counter",
    "elves_thrift_refused_connections_total counter",
    "elves_thrift_slow_total counter",
    "elves_tls_refused_total counter",
    "elves_zookeeper_bad_data_total counter",
    "elves_zookeeper_connects_total counter",
    "elves_zookeeper_expirations_total counter",
    "elves_zookeeper_losses_total counter",
    "elves_zookeeper_refusals_total counter",
    "elves_zookeeper_registrations_total counter",
};

TEST(MetricsNames, AreTheGoldenOnes) {
  Metrics metrics;
  metrics.set_limit("job.maxOpen", 5);
  std::set<std::string> names;
  std::istringstream text(metrics.text());
  const std::string mark = "# TYPE ";
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(mark)) names.insert(line.substr(mark.size()));
  }
  EXPECT_EQ(names, kGolden);
}

TEST(MetricsNames, ReadingsAndLimitsAreTold) {
  Metrics metrics;
  metrics.set(Reading::jobs_accepted, 3);
  metrics.set(Reading::jobs_accepted, 2);
  metrics.set_limit("job.maxOpen", 5);
  metrics.count(Event::http_broken);
  const auto text = metrics.text();
  EXPECT_NE(text.find("elves_jobs_open{state=\"accepted\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("elves_jobs_open{state=\"settled\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("elves_limit{key=\"job.maxOpen\"} 5\n"), std::string::npos);
  EXPECT_NE(text.find("elves_http_broken_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace elves
