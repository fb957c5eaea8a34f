#include "ctl/arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <sstream>

namespace elves::ctl {
namespace {

constexpr const char* kExamples = R"(Examples:
  elvesctl run 10.0.0.5 apptest hello '{"name": "you"}'
  elvesctl run --ip 10.0.0.5 --app apptest --func sleep --param 3 --timeout 10
  elvesctl submit 10.0.0.5 apptest hello     prints the log id
  elvesctl job --wait 6C0A5E0B54D1F3A2
  elvesctl jobs --state open
  elvesctl send request.json                 a raw envelope over AMQP

Exit codes:
  0   the worker succeeded; what was asked for was done
  1   the worker ran and reported failure
  2   it could not be run, or nobody answers
  3   it may have run, or may still: repeating it may run it twice
  64  the command line makes no sense, or names a file that cannot be read
  74  done, but standard output could not be written
  130, 143  ended by Ctrl-C or SIGTERM; the job goes on

ELVES_ADMIN_TOKEN holds the token of the job API, if it asks for one.)";

void add_job_options(CLI::App& command, JobArguments& job) {
  command.add_option("ip,--ip", job.ip, "the agent's address")->required();
  command.add_option("app,--app", job.app, "the app")->required();
  command.add_option("func,--func", job.func, "the app's function")->required();
  auto* param = command.add_option("param,--param", job.param, "text for the function");
  command.add_option("--param-file", job.param_file, "file with the text; - is standard input")
      ->excludes(param);
  command.add_option("--mode", job.mode,
                     "sap or ssp: notify the app's processor; sanp or ssnp: do not (default)");
  command.add_option("--proxy", job.proxy, "how to start the worker: program, or interpreter|script");
  command
      .add_option_function<std::uint32_t>(
          "--timeout", [&job](std::uint32_t seconds) { job.timeout = std::chrono::seconds(seconds); },
          "seconds until the worker is stopped")
      ->type_name("SECONDS");
}

void add_run(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("run", "Run a job, wait for it and print what the worker says");
  add_job_options(*command, all.job);
  command->callback([&all] { all.command = Command::run; });
}

void add_submit(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("submit", "Start a job and print its log id");
  add_job_options(*command, all.job);
  command->add_option("--type", all.job.type, "cron or queue")
      ->check(CLI::IsMember({"cron", "queue"}))
      ->capture_default_str();
  command->callback([&all] { all.command = Command::submit; });
}

void add_job(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("job", "Show one job");
  command->add_option("log_id", all.log_id, "16 hex digits, as submit prints them")->required();
  command->add_flag("--wait", all.wait, "until it has ended, then exit as run does");
  command->callback([&all] { all.command = Command::job; });
}

void add_jobs(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("jobs", "List jobs, newest first");
  command->add_option("--state", all.list.state, "received, accepted, settled, published, open or done");
  command->add_option("--ip", all.list.ip, "only those of this agent");
  command->add_option("--limit", all.list.limit, "how many at most (default 100)");
  command->callback([&all] { all.command = Command::jobs; });
}

void add_nodes(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("nodes", "List the schedulers that are registered in ZooKeeper");
  command->callback([&all] { all.command = Command::nodes; });
}

void add_agents(CLI::App& app, Arguments& all) {
  auto* command = app.add_subcommand("agents", "List agents: their state, and what goes on with them");
  command->add_option("--ip", all.list.ip, "only this one");
  command->add_option("--state", all.list.state, "online, offline or unknown");
  command->add_option("--limit", all.list.limit, "how many at most (default 100)");
  command->callback([&all] { all.command = Command::agents; });
}

void add_send(CLI::App& app, Arguments& all) {
  auto& send = all.send;
  auto* command = app.add_subcommand("send", "Publish a raw envelope over AMQP and wait for the reply");
  command->add_option("file", send.file, "the envelope; - is standard input")->required();
  command->add_option("--amqp", send.amqp,
                      "amqp[s]://user:password@host:port/vhost (or ELVES_AMQP, which ps does not show)");
  command->add_option("--exchange", send.exchange, "where to publish")->capture_default_str();
  command->add_option("--key", send.key,
                      "routing key (default: {from}.scheduler of the mqkey, or openapi.scheduler)");
  command
      ->add_option_function<std::uint32_t>(
          "--timeout", [&send](std::uint32_t seconds) { send.timeout = std::chrono::seconds(seconds); },
          "how long to wait for the reply (default 30)")
      ->type_name("SECONDS");
  command->add_flag("!--no-wait", send.wait, "only publish; the broker's confirmation is still waited for");
  command->add_flag("!--no-reply-to", send.reply_to,
                    "set no reply_to; listen where the component in mqkey would");
  command->add_flag("--pretty", send.pretty, "indent the reply, as is done on a terminal");
  command->callback([&all] { all.command = Command::send; });
}

void add_tls_options(CLI::App& app, TlsArguments& tls) {
  auto* ca = app.add_option("--ca", tls.ca,
                            "file with the certificates that https and amqps peers must be certified by (or "
                            "ELVES_CA; default: the system's)");
  app.add_flag("--insecure", tls.insecure, "believe any https or amqps peer")->excludes(ca);
  app.add_option("--cert", tls.cert, "file with a certificate to show to them (or ELVES_CERT)");
  app.add_option("--cert-key", tls.key, "file with its key, if that is another one (or ELVES_CERT_KEY)");
}

void add_defaults(Arguments& all, const Environment& environment) {
  const auto value = [&environment](const char* name, const char* otherwise) {
    auto set = environment(name);
    return set.empty() ? otherwise : set;
  };
  all.url = value("ELVES_URL", "http://127.0.0.1:10180");
  all.send.amqp = value("ELVES_AMQP", "amqp://guest:guest@127.0.0.1:5672/");
  all.tls.ca = environment("ELVES_CA");
  all.tls.cert = environment("ELVES_CERT");
  all.tls.key = environment("ELVES_CERT_KEY");
  all.job.type = "queue";
}

}  // namespace

tls::Settings TlsArguments::settings() const {
  return {.role = tls::Settings::Role::client,
          .ca = insecure ? "" : ca,
          .cert = cert,
          .key = key,
          .peer = insecure ? tls::PeerCheck::none : tls::PeerCheck::required};
}

std::variant<Arguments, Ending> parse_arguments(std::vector<std::string> words,
                                                const Environment& environment, const std::string& version) {
  Arguments all;
  add_defaults(all, environment);
  CLI::App app("Runs jobs on Elves agents through a scheduler.", "elvesctl");
  app.footer(kExamples);
  app.set_version_flag("--version", "elvesctl " + version);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--url", all.url,
                 "where the scheduler's job API is, http or https (or ELVES_URL; default "
                 "http://127.0.0.1:10180)");
  app.add_option("--token-file", all.token_file, "file with the job API's token (or ELVES_ADMIN_TOKEN)");
  app.add_flag("--json", all.json, "print the scheduler's answer as it came");
  add_tls_options(app, all.tls);
  add_run(app, all);
  add_submit(app, all);
  add_job(app, all);
  add_jobs(app, all);
  add_nodes(app, all);
  add_agents(app, all);
  add_send(app, all);
  std::ranges::reverse(words);
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& ending) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(ending, out, err) == 0 ? kExitDone : kExitUsage;
    return Ending{code, out.str(), err.str()};
  }
  if (all.command != Command::submit) all.job.type.clear();
  return all;
}

}  // namespace elves::ctl
