#include "app/preflight.h"

#include <stdexcept>

#include "app/tls_sides.h"
#include "config/listen.h"
#include "metrics/metrics.h"

namespace elves::app {
namespace {

void check_certificates(const config::Options& options, StartCheck& check) {
  Metrics unused;
  try {
    const TlsSides sides(options, unused);
  } catch (const std::runtime_error& fault) {
    check.errors.emplace_back(fault.what());
  }
}

void check_ports(const config::Options& options, StartCheck& check) {
  const auto& thrift = options.thrift;
  if (thrift.plain) check.port("thrift.scheduler.port", thrift.host, thrift.port);
  if (options.thrift_tls.port != 0) check.port("thrift.tls.port", thrift.host, options.thrift_tls.port);
  if (!options.admin.enabled) return;
  const auto listen = config::parse_listen(options.admin.listen);
  check.port("admin.listen", listen->host, listen->port);
}

}  // namespace

StartCheck check_start(const config::Options& options) {
  StartCheck check("elves-scheduler");
  check_certificates(options, check);
  check.file("log.file", options.log.file, false);
  check.file("audit.file", options.audit.file, false);
  check.file("journal.path", options.journal.path, true);
  check_ports(options, check);
  return check;
}

}  // namespace elves::app
