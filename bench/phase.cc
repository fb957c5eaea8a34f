#include "phase.h"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace elves::bench {

PhasePlan PhasePlan::parse(const std::string& text) {
  PhasePlan plan;
  std::istringstream parts(text);
  std::string part;
  while (std::getline(parts, part, ',')) {
    const auto equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const double value = equals == std::string::npos ? 0 : std::stod(part.substr(equals + 1));
    if (key == "window") {
      plan.window = static_cast<std::uint64_t>(value);
    } else if (key == "rate") {
      plan.rate = value;
    } else if (key == "seconds") {
      plan.seconds = value;
    } else if (key == "jobs") {
      plan.jobs = static_cast<std::uint64_t>(value);
    } else {
      throw std::invalid_argument("no such part of a phase: " + part);
    }
  }
  if ((plan.window == 0) == (plan.rate <= 0) || (plan.jobs == 0) == (plan.seconds <= 0)) {
    throw std::invalid_argument("a phase has a window or a rate, and seconds or jobs: " + text);
  }
  return plan;
}

std::string PhaseResult::json() const {
  std::string failures;
  for (const auto& [why, count] : failed)
    failures += fmt::format(R"({}"{}":{})", failures.empty() ? "" : ",", why, count);
  std::string cpu;
  for (const auto& [name, used] : cpu_us)
    cpu += fmt::format(R"({}"{}":{:.0f})", cpu.empty() ? "" : ",", name, used);
  return fmt::format(
      R"({{"seconds":{:.6f},"sent":{},"replies":{},"most_in_flight":{},"succeeded":{},"failed":{{{}}},"cpu_us":{{{}}},)"
      R"("disturbed_until_s":{:.3f},"latency_us":{{"mean":{:.1f},"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p99.9":{:.1f},"max":{:.1f}}}}})",
      seconds, sent, replies, most_in_flight, latency.count(), failures, cpu, disturbed_until,
      latency.mean_us(), latency.quantile_us(0.5), latency.quantile_us(0.9), latency.quantile_us(0.99),
      latency.quantile_us(0.999), latency.max_us());
}

}  // namespace elves::bench
