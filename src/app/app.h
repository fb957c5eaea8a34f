// elves-scheduler as a whole: builds every adapter, wires it to the dispatcher, starts and drains in order.
// The only place that knows concrete types.
#pragma once

#include <memory>
#include <string>

#include "config/options.h"

namespace elves::app {

// What the process ends with; docs/operations.md lists them for users.
enum ExitCode : int {
  kOk = 0,
  kUsage = 64,          // wrong arguments
  kCannotBind = 69,     // an address to listen on is not to be had
  kConfiguration = 78,  // the configuration cannot be used
};

class App {
 public:
  // Reads the certificates and opens the journal: throws std::runtime_error saying what cannot be used and
  // why. `config_file` and the certificates are read again on SIGHUP; "" = there is no file.
  App(config::Options options, std::string config_file);
  ~App();

  // Serves until SIGTERM or SIGINT and the drain after it.
  ExitCode run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace elves::app
