#include "app/app.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <utility>

#include "admin/http_server.h"
#include "agent/agent_pool.h"
#include "app/admin_adapter.h"
#include "app/broker_side.h"
#include "app/processor_addresses.h"
#include "app/registry_side.h"
#include "app/result_door.h"
#include "app/settings.h"
#include "app/tls_sides.h"
#include "audit/audit_log.h"
#include "base/door.h"
#include "base/log.h"
#include "config/listen.h"
#include "config/load.h"
#include "dialect/envelope.h"
#include "dispatch/dispatcher.h"
#include "metrics/metrics.h"
#include "wire/loop_timers.h"
#include "wire/server.h"

namespace elves::app {
namespace asio = boost::asio;
namespace {

// After the drain's time is over: for the last messages to leave.
constexpr Millis kLastWords{700};
// Finished jobs that are read at start, to tell second results.
constexpr std::size_t kRemembered = 10000;
constexpr std::size_t kRememberedBytes = std::size_t{128} << 20;  // of their texts

// Thousands of connections need file descriptors: takes as many as the system lets it.
void allow_many_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

struct App::Parts {
  Parts(config::Options given, std::string file)
      : options(std::move(given)),
        config_file(std::move(file)),
        tls(options, metrics),
        journal(open_journal(
            options.journal, metrics,
            [this](std::function<void()> action) { asio::post(loop, std::move(action)); },
            [this] { return dispatcher.open_records(); })),
        agents(loop, timers.timers(), clock, metrics, pool_options(options, tls)),
        audit(audit::open_audit(audit_options(options), metrics)),
        processors(
            loop, timers.timers(), clock, metrics,
            [this](const std::string& app) { return addresses.find(app); }, processor_options(options)),
        dispatcher({agents, processors, *journal, broker, broker, broker, *audit, metrics, clock,
                    timers.timers(), dialect::rebuild_job},
                   dispatch_limits(options)),
        result_door(dispatcher),
        admin_view({loop, dispatcher, *journal, agents, registry, metrics, request_limits(options),
                    [this] { take_readings(); }, [this] { return trouble(); }}) {}

  void recover();
  void serve();
  void listen();
  void listen_for_results(std::optional<wire::Server>& server, std::uint16_t port, const char* key,
                          tls::CredentialsPtr credentials);
  void handle_signals();
  void reload();
  void drain();
  void shut_down();
  void take_readings();
  std::string trouble() const;

  config::Options options;
  const std::string config_file;
  Metrics metrics;
  Door agents_door{kThriftKeys, thrift_door(options), counting(metrics, Event::thrift_stranger)};
  TlsSides tls;
  Door http_door{kHttpKeys, app::http_door(options), counting(metrics, Event::http_stranger)};
  asio::io_context loop{1};
  wire::LoopTimers timers{loop};
  SystemClock clock;
  const std::unique_ptr<Journal> journal;
  RegistrySide registry{loop, timers.timers(), clock, metrics};
  agent::AgentPool agents;
  const std::unique_ptr<AuditTrail> audit;
  const ProcessorAddresses addresses{options.processor.addresses,
                                     [this](const std::string& app) { return registry.processor(app); },
                                     [this] { return registry.processors_heard(); }};
  agent::ProcessorPool processors;
  BrokerSide broker{loop, timers.timers()};
  Dispatcher dispatcher;
  ResultDoor result_door;
  AdminAdapter admin_view;
  std::optional<wire::Server> results;
  std::optional<wire::Server> secure_results;
  std::optional<admin::HttpServer> http;
  asio::signal_set signals{loop, SIGTERM, SIGINT, SIGHUP};
  Timer drain_limit;
  std::string listening_on;  // the address that is being bound, for people
  bool draining = false;
  bool leaving = false;
  ExitCode exit_code = kOk;
};

App::App(config::Options options, std::string config_file)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(config_file))) {}

App::~App() = default;

void App::Parts::listen() {
  if (options.thrift.plain) {
    listen_for_results(results, options.thrift.port, "thrift.scheduler.port", nullptr);
  }
  if (tls.results) {
    listen_for_results(secure_results, options.thrift_tls.port, "thrift.tls.port", tls.results);
  }
  if (!options.admin.enabled) return;
  listening_on = options.admin.listen + " (admin.listen)";
  http.emplace(http_options(options, tls), http_door, admin_view);
  log::info("the job API listens on {}://{}", tls.admin ? "https" : "http", options.admin.listen);
}

void App::Parts::listen_for_results(std::optional<wire::Server>& server, std::uint16_t port, const char* key,
                                    tls::CredentialsPtr credentials) {
  listening_on = fmt::format("{}:{} ({})", options.thrift.host, port, key);
  const char* how = credentials ? " over TLS" : "";
  auto handler = [this, answer = wire::scheduler_service_handler(result_door)](
                     std::string message, const std::string& peer, std::function<void(std::string)> reply) {
    agents.heard_from(peer);
    answer(std::move(message), peer, std::move(reply));
  };
  server.emplace(loop, options.thrift.host, port, server_limits(options), agents_door, std::move(handler),
                 std::move(credentials));
  log::info("results of asynchronous jobs are taken on {}:{}{}", options.thrift.host, server->port(), how);
}

ExitCode App::run() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that must not grow is a failed write, as on a full disk
  allow_many_files();
  if (!parts_->options.standalone) {
    parts_->broker.open(parts_->options, *parts_->journal, parts_->metrics);
  }
  parts_->handle_signals();
  parts_->recover();
  parts_->loop.run();
  log::info("elves-scheduler has stopped");
  return parts_->exit_code;
}

// What an earlier process left comes first, so that no request and no result meets a half-known past. Both
// questions are asked at once: what the first answer makes the journal write need not be waited for.
void App::Parts::recover() {
  journal->open_jobs([this](std::vector<JobRecord> open) { dispatcher.recover(std::move(open)); });
  journal->list({"published", "", kRemembered, kRememberedBytes}, [this](std::vector<JobRecord> finished) {
    std::ranges::reverse(finished);  // oldest first, as they ended
    dispatcher.recover(std::move(finished));
    if (!draining) serve();
  });
}

void App::Parts::serve() {
  try {
    listen();
  } catch (const boost::system::system_error& error) {
    log::error("cannot listen on {}: {}", listening_on, error.code().message());
    exit_code = kCannotBind;
    return shut_down();
  }
  registry.open(options, *journal);
  agents.set_patience([this](const std::string& ip) -> std::optional<Millis> {
    if (!registry.offline_for(ip, options.agent.offline_after)) return std::nullopt;
    metrics.count(Event::agent_offline_tried);
    return options.agent.offline_connect;
  });
  if (!options.standalone) {
    broker.consume(options, *journal, dispatcher, metrics);
  }
  if (!options.ready_file.empty()) std::ofstream(options.ready_file) << ::getpid() << '\n';
  log::info("elves-scheduler {} is ready{}", ELVES_VERSION, options.standalone ? " (standalone)" : "");
}

std::string App::Parts::trouble() const {
  if (draining) return "shutting down";
  const std::string journal_trouble = journal->trouble();
  return journal_trouble.empty() ? broker.trouble() : "the journal cannot be written: " + journal_trouble;
}

void App::Parts::take_readings() {
  const OpenCounts open = dispatcher.counts();
  metrics.set(Reading::jobs_received, open.received);
  metrics.set(Reading::jobs_accepted, open.accepted);
  metrics.set(Reading::jobs_settled, open.settled);
  metrics.set(Reading::open_bytes, open.bytes);
  metrics.set(Reading::results_unheard, open.unheard);
  metrics.set(Reading::replies_unconfirmed, open.unconfirmed);
  metrics.set(Reading::jobs_queued, agents.waiting());
  metrics.set(Reading::agents, agents.agents());
  metrics.set(Reading::agent_connections, agents.connections());
  metrics.set(Reading::thrift_connections, agents_door.count());
  metrics.set(Reading::http_connections, http_door.count());
  metrics.set(Reading::broker_connected, broker.connected() ? 1 : 0);
  metrics.set(Reading::journal_trouble, journal->trouble().empty() ? 0 : 1);
  metrics.set(Reading::history_trouble, journal->history_trouble().empty() ? 0 : 1);
  metrics.set(Reading::draining, draining ? 1 : 0);
  for (const auto& [key, value] : limits_in_force(options)) metrics.set_limit(key, value);
}

void App::Parts::handle_signals() {
  signals.async_wait([this](boost::system::error_code fault, int signal) {
    if (fault) return;
    if (signal == SIGHUP) {
      reload();
    } else if (!draining) {
      drain();
    } else {
      log::warn("second signal: stopping at once");
      dispatcher.give_up();
      return shut_down();
    }
    handle_signals();
  });
}

void App::Parts::reload() {
  tls.reload();
  if (config_file.empty()) return;
  const auto loaded = config::load_file(config_file, [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
  for (const auto& finding : loaded.errors) log::error("{}", finding.text());
  if (!loaded.errors.empty()) return log::error("{} was not taken over", config_file);
  log::set_level(loaded.options.log.level);
  options.log.level = loaded.options.log.level;
  options.job = loaded.options.job;
  options.agent = loaded.options.agent;
  options.processor = loaded.options.processor;
  options.result = loaded.options.result;
  options.thrift.allow = loaded.options.thrift.allow;
  options.thrift.trust_forwarders = loaded.options.thrift.trust_forwarders;
  options.thrift.max_connections = loaded.options.thrift.max_connections;
  options.thrift.max_per_address = loaded.options.thrift.max_per_address;
  options.drain = loaded.options.drain;
  dispatcher.set_limits(dispatch_limits(options));
  agents.set_options(pool_options(options, tls));
  processors.set_options(processor_options(options));
  agents_door.set_limits(thrift_door(options));
  log::info(
      "{} read again: log.level, job.maxOpen*, job.grace*, job.retry.*, agent.*, processor.*, result.*, "
      "thrift.allow, thrift.trustForwarders, thrift.maxConnections* and drain.timeout are in force; "
      "certificates too",
      config_file);
}

void App::Parts::drain() {
  draining = true;
  log::info("draining: {} jobs are open, up to {} s for them", dispatcher.open(), options.drain.count());
  timers.timers().set(drain_limit, Deadline::after(clock, options.drain), [this] {
    log::warn("drain.timeout is over: {} jobs are told that their outcome is unknown", dispatcher.open());
    timers.timers().set(drain_limit, Deadline::after(clock, kLastWords), [this] { shut_down(); });
    dispatcher.give_up();
  });
  broker.stop_consuming([this] { dispatcher.drain([this] { shut_down(); }); });
}

// Every part lets go of the loop; run() returns when the last coroutine has ended.
void App::Parts::shut_down() {
  if (std::exchange(leaving, true)) return;
  if (!options.ready_file.empty()) ::unlink(options.ready_file.c_str());
  asio::post(loop, [this] {
    drain_limit.cancel();
    signals.cancel();
    http.reset();
    results.reset();
    secure_results.reset();
    agents.close();
    processors.close();
    broker.close();
    registry.close();
    timers.stop();
  });
}

}  // namespace elves::app
