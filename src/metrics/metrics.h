// The scheduler's metrics in Prometheus' text format. Names and meanings: docs/metrics.md.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "base/event.h"

namespace prometheus {
class Counter;
class Registry;
}  // namespace prometheus

namespace elves {

// Any thread.
class Metrics final : public MetricsSink {
 public:
  Metrics();
  ~Metrics() override;

  void count(Event event) override;
  std::string text();

 private:
  std::unique_ptr<prometheus::Registry> registry_;
  std::array<prometheus::Counter*, kEvents> counters_{};
};

}  // namespace elves
