// Where apps' processors are: what ZooKeeper knows, else what the configuration says.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/host_port.h"

namespace elves::app {

// Loop thread only.
class ProcessorAddresses {
 public:
  using Texts = std::map<std::string, std::string>;
  // What ZooKeeper has for the app; nullopt = nothing.
  using Registered = std::function<std::optional<std::string>(const std::string& app)>;
  // Whether ZooKeeper was heard, so that what `registered` does not have is not there.
  using Heard = std::function<bool()>;

  // `configured` (processor.{app}) is read at every look-up.
  ProcessorAddresses(const Texts& configured, Registered registered, Heard heard);

  // nullopt: it may still be heard of. Errors: app_not_found; processor_failed: there is one that is none.
  std::optional<Result<HostPort>> find(const std::string& app) const;

 private:
  const Texts& configured_;
  const Registered registered_;
  const Heard heard_;
};

}  // namespace elves::app
