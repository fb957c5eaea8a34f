// elvesctl's command line. docs/elvesctl.md is the page for users.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ctl/failure.h"
#include "tls/credentials.h"

namespace elves::ctl {

enum class Command : std::uint8_t { run, submit, job, jobs, nodes, agents, send };

struct JobArguments {
  std::string ip;
  std::string app;
  std::string func;
  std::string param;
  std::string param_file;  // "" = `param` counts; "-" = standard input
  std::string mode;
  std::string proxy;
  std::string type;                             // of submit
  std::optional<std::chrono::seconds> timeout;  // none = the scheduler's default
};

struct ListArguments {
  std::string state;
  std::string ip;
  std::string limit;
};

struct SendArguments {
  std::string amqp;  // holds a password
  std::string exchange = "elves";
  std::string key;  // "" = from the envelope
  std::chrono::seconds timeout{30};
  bool wait = true;
  bool reply_to = true;
  bool pretty = false;
  std::string file;  // "-" = standard input
};

struct TlsArguments {
  std::string ca;         // "" = the authorities of the system
  bool insecure = false;  // believe anybody
  std::string cert;       // "" = show none
  std::string key;        // "" = in the same file

  tls::Settings settings() const;
};

struct Arguments {
  Command command = Command::run;
  std::string url;
  std::string token_file;
  TlsArguments tls;
  bool json = false;
  bool wait = false;  // of job
  std::string log_id;
  JobArguments job;
  ListArguments list;
  SendArguments send;
};

// Looks up an environment variable; "" when unset.
using Environment = std::function<std::string(const char* name)>;

// Nothing to run: help, version, or a mistake that has been worded.
struct Ending {
  int code = kExitDone;
  std::string out;
  std::string err;
};

// `words` are the arguments without the program's name.
std::variant<Arguments, Ending> parse_arguments(std::vector<std::string> words,
                                                const Environment& environment,
                                                const std::string& version = ELVES_VERSION);

}  // namespace elves::ctl
