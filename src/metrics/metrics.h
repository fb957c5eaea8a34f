// The scheduler's metrics in Prometheus' text format. Names and meanings: docs/operations.md, "Metrics".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/event.h"

namespace prometheus {
class Counter;
template <typename T>
class Family;
class Gauge;
class Registry;
}  // namespace prometheus

namespace elves {

// What is measured when somebody asks.
enum class Reading : std::uint8_t {
  jobs_received,
  jobs_accepted,
  jobs_settled,
  open_bytes,           // params and results of these
  jobs_queued,          // they wait for their agents
  results_unheard,      // nobody listens for them
  replies_unconfirmed,  // the broker has not confirmed them yet; those of open jobs not counted
  destinations_paused,  // the broker refuses what is published there, or does not confirm it
  messages_paused,      // they wait for these
  unconfirmed_age,      // seconds: of the oldest message that the broker has not confirmed
  messages_shortened,   // since the start: too large for the broker
  agents,               // that something is remembered of
  agent_connections,
  thrift_connections,
  http_connections,
  broker_connected,  // 1 or 0
  broker_misfits,    // exchanges and queues that are otherwise than they are made here
  journal_trouble,   // likewise: it cannot be written
  history_trouble,   // likewise
  draining,          // likewise
  log_lost,          // lines of the log, since the start
};
inline constexpr std::size_t kReadings = static_cast<std::size_t>(Reading::log_lost) + 1;

// Any thread.
class Metrics final : public MetricsSink {
 public:
  Metrics();
  ~Metrics() override;

  void count(Event event) override;
  void set(Reading reading, std::size_t value);
  // What a limit is set to: elves_limit{key="job.maxOpen"}.
  void set_limit(const std::string& key, double value);
  // The node of the broker that the connection "requests" or "answers" goes to; "" = none:
  // elves_broker_node{connection="requests",node="rabbit-1:5672 (10.0.0.7)"}.
  void set_node(const std::string& connection, const std::string& node);
  std::string text();

 private:
  struct Node {
    std::string name;
    prometheus::Gauge* gauge;
  };
  std::unique_ptr<prometheus::Registry> registry_;
  std::array<prometheus::Counter*, kEvents> counters_{};
  std::array<prometheus::Gauge*, kReadings> gauges_{};
  prometheus::Family<prometheus::Gauge>* limits_ = nullptr;
  prometheus::Family<prometheus::Gauge>* broker_nodes_ = nullptr;
  std::map<std::string, Node> nodes_;  // by connection
};

}  // namespace elves
