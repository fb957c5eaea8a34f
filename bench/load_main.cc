// bench-load: offers jobs and prints what became of them as one JSON object, after a line "sent" as soon as
// the first job is out. Exit code 0 even when jobs were lost: the figures say so.
#include <cstdio>
#include <exception>

#include "broker_arguments.h"
#include "load.h"

namespace {

using namespace elves::bench;

LoadOptions parse(int argc, char** argv) {
  LoadOptions options;
  std::vector<std::string> phases;
  std::vector<std::string> watched;
  CLI::App arguments("Offers jobs to the scheduler of a broker and measures the answers.", "bench-load");
  add_broker_arguments(arguments, options.broker);
  arguments.add_option("--action", options.shape.action)
      ->check(CLI::IsMember({"syncJob", "sendSync", "asyncJob", "sendAsync"}));
  arguments.add_option("--param", options.shape.param, "bytes of param");
  arguments.add_option("--agents", options.shape.agents, "number of agents' addresses");
  arguments.add_option("--timeout", options.shape.timeout, "seconds, of each job");
  arguments.add_option("--phase", phases, "window=N,seconds=S | window=N,jobs=J | rate=R,seconds=S")
      ->required();
  arguments.add_option("--watch", watched, "NAME=PID: take this process's CPU time");
  arguments.add_option("--patience", options.patience, "seconds without an answer before jobs count as lost");
  arguments.add_flag("!--no-check", options.check, "the answers are not the scheduler's");
  try {
    arguments.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(arguments.exit(error) == 0 ? 0 : 64);
  }
  for (const auto& phase : phases) options.phases.push_back(PhasePlan::parse(phase));
  for (const auto& process : watched) {
    const auto equals = process.find('=');
    options.watched.emplace_back(process.substr(0, equals), std::stoi(process.substr(equals + 1)));
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Load load(parse(argc, argv));
    load.run([] {
      std::puts("sent");
      std::fflush(stdout);
    });
    std::puts(load.report().c_str());
    return 0;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench-load: %s\n", fault.what());
    return 1;
  }
}
