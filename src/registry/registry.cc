#include "registry/registry.h"

#include <utility>

namespace elves::registry {
namespace {

HandleOptions handle_options(const Options& options) {
  return {ensemble_of(options.host).hosts, options.out_time, options.auth};
}

// `root` may be "/".
std::string path_of(const Options& options, const std::string& name) {
  return ensemble_of(options.host).chroot + (options.root == "/" ? "" : options.root) + '/' + name;
}

FolderOptions watched(const Options& options, const std::string& name) {
  return {path_of(options, name), true, options.max_watched, "zookeeper.maxWatched"};
}

}  // namespace

Registry::Registry(const Options& options, const Self& self, Gate::Post post, Timers& timers,
                   const Clock& clock, MetricsSink& metrics)
    : session_(handle_options(options), std::move(post), timers, clock, metrics),
      members_(watched(options, "scheduler"), self_text(self), session_, timers, clock, metrics),
      agents_({path_of(options, "heartbeat/agent"), false, options.max_agents, "zookeeper.maxAgents"},
              session_, timers, clock, metrics),
      processors_(watched(options, "processor"), session_, timers, clock, metrics) {}

std::string Registry::trouble() const {
  return session_.trouble().empty() ? members_.trouble() : session_.trouble();
}

}  // namespace elves::registry
