#include "ctl/job_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <thread>

#include "base/text_encoding.h"
#include "ctl/failure.h"
#include "ctl/files.h"
#include "ctl/fleet_view.h"
#include "ctl/http_client.h"
#include "ctl/job_view.h"
#include "ctl/text.h"

namespace elves::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* kJobs = "/api/v1/jobs";
constexpr const char* kNodes = "/api/v1/nodes";
constexpr const char* kAgents = "/api/v1/agents";
constexpr std::chrono::seconds kPatience = 30s;           // for an answer that needs no job to end
constexpr std::chrono::seconds kJobPatience = 24h;        // for a job whose timeout only the scheduler knows
constexpr std::chrono::milliseconds kFirstPause = 100ms;  // between polls, doubled up to kLastPause
constexpr std::chrono::milliseconds kLastPause = 2s;
constexpr std::chrono::minutes kAwayPatience = 5min;  // for a scheduler that answered before, as in a restart

std::string token_of(const Arguments& arguments, const Environment& environment, std::istream& in) {
  if (arguments.token_file.empty()) {
    auto token = environment("ELVES_ADMIN_TOKEN");
    if (token.find_first_of(" \t\r\n") != token.npos)
      throw Failure(kExitUsage, "ELVES_ADMIN_TOKEN has a blank or a line end in it, which no token has");
    return token;
  }
  const auto text = read_all(arguments.token_file, in);
  if (const auto fault = encoding_fault(text); !fault.empty())
    throw Failure(kExitUsage, "--token-file " + arguments.token_file + ' ' + fault);
  auto token = text.substr(0, text.find_first_of(" \t\r\n"));
  if (token.empty())
    throw Failure(kExitUsage, "--token-file " + arguments.token_file + " has no token in its first line");
  return token;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    encoded += plain || c == '.' || c == '-' || c == '_' ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return encoded;
}

std::string body_of(const JobArguments& job, std::istream& in) {
  json::object body{{"ip", job.ip}, {"app", job.app}, {"func", job.func}};
  body["param"] = job.param_file.empty() ? job.param : read_all(job.param_file, in);
  if (job.timeout) body["timeout"] = job.timeout->count();
  if (!job.mode.empty()) body["mode"] = job.mode;
  if (!job.proxy.empty()) body["proxy"] = job.proxy;
  if (!job.type.empty()) body["type"] = job.type;
  return json::serialize(body);
}

// The commands on one scheduler.
class Commands {
 public:
  Commands(const Arguments& arguments, const Io& io, const HttpClient& client)
      : arguments_(arguments), io_(io), client_(client) {}

  int run() {
    const auto& job = arguments_.job;
    const auto patience = job.timeout.value_or(0s) > 0s ? *job.timeout + kPatience : kJobPatience;
    const auto result = checked(start(std::string(kJobs) + "?wait=true", patience));
    if (!has_ended(result))
      throw Failure(kExitUnknown, "it has not ended; log id " + member(result, "log_id"));
    if (worker_answered(result)) print_message(member(result, "worker_message"));
    return verdict(result);
  }

  int submit() {
    const auto accepted = checked(start(kJobs, kPatience));
    const auto log_id = member(accepted, "log_id");
    print(log_id + '\n');
    if (!io_.out.flush())
      io_.err << "elvesctl: the job was started all the same; its log id is " << log_id << '\n';
    return kExitDone;
  }

  int job() {
    const std::string target = std::string(kJobs) + '/' + percent_encoded(arguments_.log_id);
    auto response = client_.get(target, kPatience);
    const bool seen = response.status == 200;
    auto pause = kFirstPause;
    while (arguments_.wait && response.status == 200 &&
           !has_ended(parse_json(response.body).value_or(nullptr))) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, kLastPause);
      response = get_again(target);
    }
    if (seen && response.status == 404)
      throw Failure(kExitUnknown, "the scheduler does not know the job any more");
    const auto found = checked(response);
    print(details(found));
    return arguments_.wait ? verdict(found) : kExitDone;
  }

  int jobs() {
    const auto found = listing(kJobs);
    print(job_table(found));
    if (member(found, "cut") == "true") {
      io_.err << "elvesctl: there are more; --limit, --state and --ip choose which are listed\n";
    }
    return kExitDone;
  }

  int nodes() { return fleet(kNodes, node_table); }
  int agents() { return fleet(kAgents, agent_table); }

 private:
  // Asks for the job. What goes wrong afterwards, and a signal, leave it running: that is said, with its log
  // id.
  HttpResponse start(const std::string& target, std::chrono::seconds patience) {
    std::string log_id;
    const auto look = [&log_id, this] {
      return log_id.empty()
                 ? "elvesctl jobs --state open --ip " + arguments_.job.ip + " lists the jobs of its agent"
                 : "elvesctl job --wait " + log_id + " shows how it ends";
    };
    try {
      return client_.post(target, body_of(arguments_.job, io_.in), patience,
                          [&log_id](std::string_view location) {
                            log_id = one_line(location.substr(location.rfind('/') + 1));
                          });
    } catch (const Interrupted&) {
      io_.err << "elvesctl: interrupted; the job goes on: " << look() << '\n';
      throw;
    } catch (const Failure& failure) {
      if (failure.code() != kExitUnknown) throw;
      throw Failure(kExitUnknown,
                    fmt::format("{}; the job may run all the same: {}", failure.what(), look()));
    }
  }

  // The page, from a scheduler that has answered before: while it is away, it is asked again.
  HttpResponse get_again(const std::string& target) {
    const auto deadline = std::chrono::steady_clock::now() + kAwayPatience;
    for (bool told = false;; told = true) {
      std::string why;
      try {
        auto response = client_.get(target, kPatience);
        if (response.status < 500) return response;
        why = fmt::format("HTTP status {}", response.status);
      } catch (const Failure& failure) {
        why = failure.what();
      }
      if (std::chrono::steady_clock::now() >= deadline) {
        throw Failure(kExitUnknown, fmt::format("{}; how the job ended is not known", why));
      }
      if (!told) io_.err << "elvesctl: " << why << "; asked again for " << kAwayPatience.count() << " min\n";
      std::this_thread::sleep_for(kLastPause);
    }
  }

  json::value listing(const char* page) {
    std::string target = page;
    const auto add = [&target](const char* name, const std::string& value) {
      if (value.empty()) return;
      target += target.find('?') == target.npos ? '?' : '&';
      target.append(name).append("=").append(percent_encoded(value));
    };
    add("state", arguments_.list.state);
    add("ip", arguments_.list.ip);
    add("limit", arguments_.list.limit);
    return checked(client_.get(target, kPatience));
  }

  int fleet(const char* page, std::string (*shown)(const json::value&)) {
    const auto found = listing(page);
    print(shown(found));
    if (const auto text = reservation(found); !text.empty()) io_.err << "elvesctl: " << text << '\n';
    return kExitDone;
  }

  // The answer's JSON, printed as it came if so asked. Throws Failure when it is a refusal.
  json::value checked(const HttpResponse& response) {
    auto value = parse_json(response.body);
    if (!value) {
      throw Failure(code_of(response.status),
                    fmt::format("what answers at {} is no scheduler: HTTP status {} without JSON",
                                client_.url().text(), response.status));
    }
    if (arguments_.json) io_.out << response.body << '\n';
    if (response.status < 300) return std::move(*value);
    std::string text = one_line(member(*value, "error"));
    if (response.status == 401) text += " (ELVES_ADMIN_TOKEN or --token-file)";
    const auto code = member(*value, "code").starts_with("410.") ? kExitNotDone : code_of(response.status);
    throw Failure(code, text.empty() ? fmt::format("HTTP status {}", response.status) : text);
  }

  // What a refusal comes to. A server that failed at it, or a proxy that lost it, may have started the job.
  ExitCode code_of(unsigned status) const {
    const bool starts = arguments_.command == Command::run || arguments_.command == Command::submit;
    return starts && status >= 500 ? kExitUnknown : kExitNotDone;
  }

  void print(const std::string& text) {
    if (!arguments_.json) io_.out << text;
  }

  void print_message(std::string message) {
    if (!message.empty() && message.back() != '\n') message += '\n';
    print(message);
  }

  int verdict(const json::value& job) {
    if (const auto text = trouble(job); !text.empty()) io_.err << "elvesctl: " << text << '\n';
    return exit_of(job);
  }

  const Arguments& arguments_;
  const Io& io_;
  const HttpClient& client_;
};

}  // namespace

int run_job_command(const Arguments& arguments, const Environment& environment, const Io& io) {
  const HttpClient client(parse_url(arguments.url), token_of(arguments, environment, io.in),
                          arguments.tls.settings());
  Commands commands(arguments, io, client);
  switch (arguments.command) {
    case Command::submit:
      return commands.submit();
    case Command::job:
      return commands.job();
    case Command::jobs:
      return commands.jobs();
    case Command::nodes:
      return commands.nodes();
    case Command::agents:
      return commands.agents();
    default:
      return commands.run();
  }
}

}  // namespace elves::ctl
