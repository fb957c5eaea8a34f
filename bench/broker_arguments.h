// The command line of load generator and bare echo: where the broker is.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/options.h"

namespace elves::bench {

inline void add_broker_arguments(CLI::App& arguments, broker::BrokerOptions& options) {
  options.heartbeat = std::chrono::seconds(0);
  arguments.add_option("--port", options.nodes.front().port, "the broker's port on 127.0.0.1")->required();
  arguments.add_option("--user", options.user)->required();
  arguments.add_option("--password", options.password)->required();
  arguments.add_option("--vhost", options.vhost)->required();
}

}  // namespace elves::bench
