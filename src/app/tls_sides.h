// The certificates of every side of the scheduler that speaks TLS.
#pragma once

#include <optional>

#include "base/event.h"
#include "config/options.h"
#include "tls/credentials.h"

namespace elves::app {

// What the connection to the broker shows and believes; nothing without TLS.
std::optional<tls::Settings> broker_tls(const config::MqTlsOptions& mq);

// A member is null where TLS is not configured. Loop thread; what the members point to, any.
class TlsSides {
 public:
  // Reads all files: throws std::runtime_error naming the file and the keys it is from. `metrics` must
  // outlive it.
  TlsSides(const config::Options& options, MetricsSink& metrics);

  // Reads them again, for connections made from now on. What cannot be used is an error in the log, and the
  // side goes on with what it has.
  void reload();

  tls::CredentialsPtr results;  // thrift.tls.port
  tls::CredentialsPtr agents;   // thrift.tls.agents
  tls::CredentialsPtr admin;    // admin.tls.*

 private:
  void warn_of_doubts() const;
};

}  // namespace elves::app
