#include "worker/preflight.h"

namespace elves::worker {

StartCheck check_start(const AgentConfig& config) {
  StartCheck check("elves-agent");
  check.file("log.file", config.log.file, false);
  check.folder("statedir", config.state.folder.string());
  if (config.tls.plain) check.port("port", config.listen, config.port);
  if (config.tls.port != 0) check.port("tls.port", config.listen, config.tls.port);
  return check;
}

}  // namespace elves::worker
