#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "thrift_answers.h"
#include "wire/codec.h"
#include "wire/scanner.h"

namespace {

using namespace elves;

Job job() {
  Job made;
  made.log_id = LogId(0x0123456789ABCDEF);
  made.agent_ip = "127.0.1.1";
  made.mode = "NP";
  made.app = "apptest";
  made.func = "echo";
  made.param = std::string(100, 'p');
  made.timeout = Seconds(60);
  return made;
}

std::string reply(std::size_t result) {
  const std::string call = wire::encode_invoke_sync(job());
  return bench::write_answer(bench::read_call(call).value(), std::string(result, 'r'));
}

void encode_call(benchmark::State& state) {
  const Job one = job();
  while (state.KeepRunning()) benchmark::DoNotOptimize(wire::encode_invoke_sync(one));
}

void decode_reply(benchmark::State& state) {
  const std::string message = reply(16);
  while (state.KeepRunning()) benchmark::DoNotOptimize(wire::decode_invoke_sync_reply(message));
}

// In pieces of so many bytes, as a slow peer sends it.
void scan(benchmark::State& state) {
  const std::string message = reply(1 << 20);
  const auto piece = static_cast<std::size_t>(state.range(0));
  while (state.KeepRunning()) {
    wire::MessageScanner scanner({});
    auto verdict = wire::MessageScanner::Verdict::more;
    for (std::size_t got = 0; verdict == wire::MessageScanner::Verdict::more;) {
      got = std::min(got + piece, message.size());
      verdict = scanner.scan(std::string_view(message).substr(0, got));
    }
    benchmark::DoNotOptimize(verdict);
  }
}

void scan_reply(benchmark::State& state) {
  const std::string message = reply(16);
  while (state.KeepRunning()) {
    wire::MessageScanner scanner({});
    benchmark::DoNotOptimize(scanner.scan(message));
  }
}

BENCHMARK(encode_call);
BENCHMARK(decode_reply);
BENCHMARK(scan_reply);
BENCHMARK(scan)->Arg(1 << 20)->Arg(1 << 10);

}  // namespace
