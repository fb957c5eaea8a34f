// Where apps' processors are, as ZooKeeper has it: a node per app, holding host:port.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/event.h"
#include "base/timers.h"
#include "registry/folder.h"
#include "registry/session.h"

namespace elves::registry {

// Loop thread only. While ZooKeeper is away, the addresses are those it had last.
class Processors final {
 public:
  Processors(FolderOptions folder, Session& session, Timers& timers, const Clock& clock,
             MetricsSink& metrics);

  // "host:port" or "[v6]:port"; nullopt when there is no node for the app, or it holds no address.
  std::optional<std::string> address(const std::string& app) const;
  // Whether there was an answer yet, be it a refusal.
  bool heard() const { return heard_; }

 private:
  void take(const std::string& app, const std::optional<Node>& node);

  MetricsSink& metrics_;
  std::map<std::string, std::string> addresses_;
  bool heard_ = false;
  Folder folder_;
};

}  // namespace elves::registry
