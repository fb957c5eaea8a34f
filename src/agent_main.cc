// elves-agent: arguments, configuration, signals, exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/port_probe.h"
#include "base/process_privacy.h"
#include "base/process_start.h"
#include "base/service_notice.h"
#include "base/version.h"
#include "tls/credentials.h"
#include "wire/loop_timers.h"
#include "worker/agent.h"
#include "worker/config.h"
#include "worker/leftovers.h"
#include "worker/orphans.h"
#include "worker/preflight.h"
#include "worker/reload.h"
#include "worker/state.h"

namespace {

using namespace elves;

enum ExitCode : int { kOk = 0, kUsage = 64, kCannotBind = 69, kConfig = 78 };

constexpr Millis kLeftoversTime{5000};
constexpr Millis kAddressTime{1000};

struct Arguments {
  std::string config = "conf/cfg.json";
  std::string apps;   // "" = as configured
  std::string state;  // "" = as configured
  bool check = false;
};

std::filesystem::path program_folder() { return std::filesystem::canonical("/proc/self/exe").parent_path(); }

// Where it listens, for people.
std::string addresses(const worker::AgentConfig& config) {
  auto secure = fmt::format("{}:{} (TLS)", config.listen, config.tls.port);
  if (!config.tls.plain) return secure;
  const auto plain = fmt::format("{}:{}", config.listen, config.port);
  return config.tls.port == 0 ? plain : plain + " and " + secure;
}

void tell_start(const worker::AgentConfig& config) {
  log::info("elves-agent " ELVES_VERSION " of {} listens on {}, apps in {}", config.asset, addresses(config),
            config.launcher.apps.string());
  if (config.scheduler.addresses.empty()) {
    log::warn("no scheduler.addr: asynchronous instructions are refused");
  } else {
    std::vector<std::string> schedulers;
    for (const auto& one : config.scheduler.addresses) schedulers.push_back(one.text());
    log::info("results go to the scheduler {}{}", fmt::join(schedulers, ", or else to "),
              config.tls.scheduler ? " over TLS" : "");
  }
  if (!config.ignored.empty()) log::warn("not supported yet, ignored: {}", fmt::join(config.ignored, "; "));
}

void end_leftovers(const worker::State& state) {
  const auto [killed, alive] = worker::end_leftovers(state.name(), kLeftoversTime);
  if (killed > 0) log::warn("killed {} processes of workers that the last agent left behind", killed);
  if (alive > 0)
    log::error("{} processes of workers that the last agent left behind cannot be killed", alive);
}

// A worker that the last agent was just starting when it was killed has its socket until the system has ended
// it.
void await_address(boost::asio::io_context& loop, const std::string& host, unsigned short port) {
  using boost::asio::ip::tcp;
  const tcp::endpoint address(boost::asio::ip::make_address(host), port);
  const auto give_up = std::chrono::steady_clock::now() + kAddressTime;
  for (boost::system::error_code fault;;) {
    tcp::acceptor probe(loop, address.protocol());
    probe.set_option(tcp::acceptor::reuse_address(true));
    probe.bind(address, fault);
    if (!fault) probe.listen(1, fault);
    if (fault != boost::asio::error::address_in_use || std::chrono::steady_clock::now() > give_up) return;
    std::this_thread::sleep_for(Millis(10));
  }
}

void renew(const worker::AgentCredentials& credentials) {
  for (const auto& side : {credentials.port, credentials.scheduler}) {
    if (!side) continue;
    try {
      side->reload();
      side->warn_of_doubts();
    } catch (const tls::Fault& fault) {
      log::error("{}; the certificate before is still used", fault.what());
    }
  }
}

// SIGHUP. `now` is what is in force.
void reload(const Arguments& arguments, worker::AgentConfig& now, worker::Agent& agent,
            const worker::AgentCredentials& credentials) {
  renew(credentials);
  const auto fresh = worker::load_config(arguments.config, program_folder());
  for (const auto& warning : fresh.warnings) log::warn("{}", warning);
  for (const auto& error : fresh.errors) log::error("{}", error);
  if (!fresh.errors.empty())
    return log::error("SIGHUP: {} was not taken over: everything stays as it is", arguments.config);
  const auto changes = worker::take_over(now, fresh.config);
  for (const auto& text : changes.kept) log::error("{}: {}", arguments.config, text);
  for (const auto& text : changes.later) log::warn("{}: {}", arguments.config, text);
  log::set_level(now.log.level);
  agent.set_door(now.door);
  log::info(
      "SIGHUP: {} read again; in force are log.level, authips and maxconnections* as it has them, and the "
      "certificates",
      arguments.config);
}

int serve(const Arguments& arguments, worker::AgentConfig& config,
          const worker::AgentCredentials& credentials) {
  if (!config.tls.cert.empty()) keep_out_of_dumps();
  boost::asio::io_context loop;
  const SystemClock clock;
  wire::LoopTimers driver(loop);
  std::unique_ptr<worker::State> state;
  try {
    state = std::make_unique<worker::State>(config.state, clock, [&loop](std::function<void()> action) {
      boost::asio::post(loop, std::move(action));
    });
  } catch (const std::exception& error) {
    log::error("{}", error.what());
    return kConfig;
  }
  end_leftovers(*state);
  config.launcher.mark = worker::worker_mark(state->name());
  std::unique_ptr<worker::Agent> agent;
  try {
    if (config.tls.plain) await_address(loop, config.listen, config.port);
    if (config.tls.port != 0) await_address(loop, config.listen, config.tls.port);
    agent = std::make_unique<worker::Agent>(loop, clock, driver.timers(), config, credentials, *state);
  } catch (const boost::system::system_error& error) {
    log::error("cannot listen on {}: {}", addresses(config),
               why_not_listening(error.code().value(), config.tls.plain ? config.port : config.tls.port));
    return kCannotBind;
  }
  tell_start(config);
  worker::Orphans orphans(loop);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT, SIGHUP);
  const std::function<void()> on_signal = [&] {
    signals.async_wait([&](boost::system::error_code fault, int signal) {
      if (fault) return;
      if (signal == SIGHUP) {
        reload(arguments, config, *agent, credentials);
      } else {
        agent->leave([&] {
          signals.cancel();
          orphans.stop();
          driver.stop();
        });
      }
      on_signal();
    });
  };
  on_signal();
  tell_service_manager("READY=1");
  loop.run();
  log::info("elves-agent has left");
  return kOk;
}

// What the start would say, and the exit code that it would end with.
int tell_check(const Arguments& arguments, const worker::AgentConfig& config) {
  const auto found = worker::check_start(config);
  for (const auto& text : found.doubts) fmt::print(stderr, "warning: {}: {}\n", arguments.config, text);
  for (const auto& text : found.errors) fmt::print(stderr, "{}: {}\n", arguments.config, text);
  for (const auto& text : found.taken) fmt::print(stderr, "{}: {}\n", arguments.config, text);
  if (!found.errors.empty()) return kConfig;
  if (!found.taken.empty()) return kCannotBind;
  fmt::print("{}: good\n", arguments.config);
  return kOk;
}

int run(const Arguments& arguments) {
  auto [config, errors, warnings] = worker::load_config(arguments.config, program_folder());
  for (const auto& error : errors) fmt::print(stderr, "{}\n", error);
  if (!errors.empty()) return kConfig;
  if (!arguments.apps.empty()) config.launcher.apps = arguments.apps;
  if (!arguments.state.empty()) config.state.folder = arguments.state;
  worker::AgentCredentials credentials;
  try {
    credentials = worker::load_credentials(config);
  } catch (const tls::Fault& fault) {
    fmt::print(stderr, "{}: tls: {}\n", arguments.config, fault.what());
    return kConfig;
  }
  if (arguments.check) {
    for (const auto& warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
    return tell_check(arguments, config);
  }
  try {
    log::open(config.log);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", arguments.config, error.what());
    return kConfig;
  }
  for (const auto& warning : warnings) log::warn("{}", warning);
  for (const auto& side : {credentials.port, credentials.scheduler}) {
    if (side) side->warn_of_doubts();
  }
  return serve(arguments, config, credentials);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_process(Program::server);
  Arguments arguments;
  CLI::App cli(
      "Runs on a managed machine: takes instructions from elves-scheduler and runs the apps' workers.");
  cli.add_option("--config", arguments.config, "the configuration")->capture_default_str();
  cli.add_option("--apps", arguments.apps, "the folder that holds the apps, instead of the configured one");
  cli.add_option("--state", arguments.state, "the folder of the state, instead of the configured one");
  cli.add_flag("--check-config", arguments.check,
               "say whether the agent can start with the configuration, and leave");
  cli.set_version_flag("--version", std::string("elves-agent ") + kVersion);
  cli.footer(
      "Exit codes: 0 left as asked, 64 usage, 69 the address cannot be bound, 78 configuration or state.");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return cli.exit(stop) == 0 ? kOk : kUsage;
  }
  return run(arguments);
}
