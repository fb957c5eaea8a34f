#include "app/processor_addresses.h"

#include <fmt/format.h>

#include <utility>

namespace elves::app {

ProcessorAddresses::ProcessorAddresses(const Texts& configured, Registered registered, Heard heard)
    : configured_(configured), registered_(std::move(registered)), heard_(std::move(heard)) {}

std::optional<Result<HostPort>> ProcessorAddresses::find(const std::string& app) const {
  auto text = registered_(app);
  if (!text) {
    const auto found = configured_.find(app);
    if (found == configured_.end() && !heard_()) return std::nullopt;
    if (found == configured_.end())
      return Error{ErrorCode::app_not_found, "no processor address known for " + app};
    text = found->second;
  }
  auto address = parse_host_port(*text);
  if (!address) {
    return Error{ErrorCode::processor_failed,
                 fmt::format("its registered address is no host:port: '{}'", text->substr(0, 80))};
  }
  return std::move(*address);
}

}  // namespace elves::app
