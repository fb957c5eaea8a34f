// bench-agents: a fleet of agents that do no work. Runs until it is killed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "agents.h"

int main(int argc, char** argv) {
  elves::bench::AgentsOptions options;
  unsigned delay = 0;
  CLI::App arguments("Answers the scheduler's calls on every loopback address.", "bench-agents");
  arguments.add_option("--port", options.port)->required();
  arguments.add_option("--scheduler", options.scheduler_port,
                       "port of the scheduler that asynchronous results go to");
  arguments.add_option("--reporters", options.reporters, "connections for them");
  arguments.add_option("--delay", delay, "milliseconds until a synchronous call is answered");
  arguments.add_option("--result", options.result, "bytes of a result");
  CLI11_PARSE(arguments, argc, argv);
  options.delay = std::chrono::milliseconds(delay);
  try {
    elves::bench::Agents agents(options);
    std::puts("ready");
    std::fflush(stdout);
    agents.run();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench-agents: %s\n", fault.what());
    return 1;
  }
}
