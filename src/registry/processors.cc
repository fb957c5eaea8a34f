#include "registry/processors.h"

#include <utility>

#include "base/log.h"
#include "registry/node_data.h"

namespace elves::registry {

Processors::Processors(FolderOptions folder, Session& session, Timers& timers, const Clock& clock,
                       MetricsSink& metrics)
    : metrics_(metrics),
      folder_(
          std::move(folder), session, timers, clock, metrics,
          [this](const std::string& app, const std::optional<Node>& node) { take(app, node); },
          [this] { heard_ = true; }) {}

std::optional<std::string> Processors::address(const std::string& app) const {
  const auto found = addresses_.find(app);
  return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

void Processors::take(const std::string& app, const std::optional<Node>& node) {
  auto address = node && node->status == Status::ok ? address_of(node->data) : std::nullopt;
  if (address) {
    addresses_[app] = std::move(*address);
    return;
  }
  addresses_.erase(app);
  if (!node) return;
  metrics_.count(Event::zookeeper_bad_data);
  const std::string why =
      node->status == Status::ok ? "holds no host:port" : "cannot be read: " + node->error;
  log::warn("ZooKeeper, {}/{}: {}; the app's processor is not looked for there", folder_.path(), app, why);
}

}  // namespace elves::registry
