#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/timers.h"
#include "dispatch/job_table.h"

namespace {

using namespace elves;

JobPtr job(std::uint64_t number) {
  auto made = std::make_shared<Job>();
  made->log_id = LogId(number * 0x9E3779B97F4A7C15);
  made->fingerprint = number * 0xC2B2AE3D27D4EB4F;
  return made;
}

// A job opened, found and closed beside so many others.
void job_table(benchmark::State& state) {
  JobTable table;
  const auto others = static_cast<std::uint64_t>(state.range(0));
  for (std::uint64_t number = 1; number <= others; ++number) table.add(job(number), std::nullopt);
  const JobPtr one = job(others + 1);
  while (state.KeepRunning()) {
    table.add(one, DeliveryRef{1, 1});
    benchmark::DoNotOptimize(table.find(one->log_id));
    table.erase(one->log_id);
  }
}

// A deadline set and cancelled beside so many others, as almost all are.
void timer(benchmark::State& state) {
  Timers timers;
  std::vector<Timer> others(static_cast<std::size_t>(state.range(0)));
  SteadyTime now{};
  for (Timer& other : others) timers.set(other, Deadline(now += Millis(1)), [] {});
  Timer one;
  while (state.KeepRunning()) {
    timers.set(one, Deadline(now += Millis(1)), [] {});
    one.cancel();
  }
}

BENCHMARK(job_table)->Arg(0)->Arg(1'000)->Arg(100'000);
BENCHMARK(timer)->Arg(0)->Arg(1'000)->Arg(100'000);

}  // namespace
