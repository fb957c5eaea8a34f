// elves-scheduler: arguments, configuration, run, exit code.
#ifdef ELVES_MIMALLOC
#include <mimalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "app/app.h"
#include "app/preflight.h"
#include "base/log.h"
#include "base/process_privacy.h"
#include "base/process_start.h"
#include "base/version.h"
#include "config/load.h"

namespace {

using namespace elves;

std::optional<std::string> from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

// Large messages follow each other: the memory of one is given back to the system only when no other has
// needed it for half a second. At once, as it would be, costs a fifth of the CPU of jobs of megabytes.
void set_up_allocator() {
#ifdef ELVES_MIMALLOC
  constexpr long milliseconds = 500;
  mi_option_set(mi_option_decommit_delay, milliseconds);
  mi_option_set(mi_option_segment_decommit_delay, milliseconds);
#endif
}

// What the start would say, and the exit code that it would end with.
int tell_check(const config::Options& options) {
  log::open({.level = "warn", .file = {}});
  const auto found = app::check_start(options);
  for (const auto& text : found.doubts) std::cerr << "warning: " << text << '\n';
  for (const auto& text : found.errors) std::cerr << "error: " << text << '\n';
  for (const auto& text : found.taken) std::cerr << "error: " << text << '\n';
  if (!found.errors.empty()) return app::kConfiguration;
  if (!found.taken.empty()) return app::kCannotBind;
  std::cout << "the configuration is usable\n";
  return app::kOk;
}

constexpr const char* kExamples = R"(
Examples:
  elves-scheduler --config conf/conf.properties
  elves-scheduler --standalone                    no broker, no ZooKeeper: jobs come over HTTP
  elves-scheduler --config FILE --check-config    say what is wrong with FILE and leave

Exit codes: 0 ended as asked, 64 wrong arguments, 69 an address to listen on is taken,
78 the configuration or the journal cannot be used.
SIGTERM drains and leaves; SIGHUP reads log level and limits again.)";

}  // namespace

int main(int argc, char** argv) {
  prepare_process(Program::server);
  let_orphans_be_reaped();
  set_up_allocator();
  CLI::App arguments{
      "elves-scheduler: gets jobs from a message queue to the right machine and their results back"};
  std::string file;
  std::string ready_file;
  bool standalone = false;
  bool check = false;
  arguments.add_option("--config", file, "Configuration file (docs/configuration.md)")->type_name("FILE");
  arguments.add_flag("--standalone", standalone,
                     "Run without broker and ZooKeeper; jobs come over the HTTP API");
  arguments.add_flag(
      "--check-config", check,
      "Check the configuration and what it needs, and leave: 0 usable, 69 a port is taken, 78 not usable");
  arguments.add_option("--ready-file", ready_file, "Made once jobs are taken, removed at the end")
      ->type_name("FILE");
  arguments.set_version_flag("--version", std::string("elves-scheduler ") + kVersion);
  arguments.footer(kExamples);
  try {
    arguments.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return arguments.exit(error) == 0 ? app::kOk : app::kUsage;
  }
  if (file.empty() && !standalone && !check) {
    std::cerr << "elves-scheduler: say --config FILE, or --standalone to run without a broker (--help)\n";
    return app::kUsage;
  }
  auto loaded = file.empty() ? config::load_text("", "defaults", from_environment)
                             : config::load_file(file, from_environment);
  for (const auto& finding : loaded.warnings) std::cerr << "warning: " << finding.text() << '\n';
  for (const auto& finding : loaded.errors) std::cerr << "error: " << finding.text() << '\n';
  if (!loaded.errors.empty()) return app::kConfiguration;
  if (loaded.secret) keep_out_of_dumps();
  loaded.options.standalone = standalone;
  if (check) return tell_check(loaded.options);
  loaded.options.ready_file = ready_file;
  try {
    log::open(loaded.options.log);
    return app::App(std::move(loaded.options), file).run();
  } catch (const std::runtime_error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return app::kConfiguration;
  }
}
