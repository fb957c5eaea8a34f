#include <benchmark/benchmark.h>

#include <string>

#include "dialect/envelope.h"
#include "requests.h"

namespace {

using namespace elves;

const dialect::MessageProperties kProperties{"openapi.scheduler", "amq.gen-of-the-caller", "42", {}};

Outcome succeeded() {
  Outcome outcome;
  outcome.agent = {true, std::nullopt, Millis(3)};
  outcome.worker = WorkerAnswer{1, 3, std::string(16, 'r')};
  outcome.started = outcome.ended = std::chrono::system_clock::now();
  return outcome;
}

void decode(benchmark::State& state, const char* action) {
  const std::string body = bench::request_body({.action = action}, 42);
  while (state.KeepRunning()) benchmark::DoNotOptimize(dialect::decode_request(body, kProperties, {}));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

void encode(benchmark::State& state, const char* action) {
  const Job job = dialect::decode_request(bench::request_body({.action = action}, 42), kProperties, {}).job;
  const Outcome outcome = succeeded();
  while (state.KeepRunning()) benchmark::DoNotOptimize(dialect::encode_reply(job, outcome));
}

BENCHMARK_CAPTURE(decode, syncJob, "syncJob");
BENCHMARK_CAPTURE(decode, sendSync, "sendSync");
BENCHMARK_CAPTURE(encode, syncJob, "syncJob");
BENCHMARK_CAPTURE(encode, sendSync, "sendSync");

}  // namespace
