// This scheduler among the registered ones: its own node, and the list of all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/event.h"
#include "base/timers.h"
#include "registry/folder.h"
#include "registry/session.h"

namespace elves::registry {

struct Member {
  std::string node;  // its name
  bool self = false;
  WallTime registered{};            // by ZooKeeper's clock
  std::optional<std::string> data;  // a JSON object; nullopt = what it holds is none or cannot be read
};

// Loop thread only. Whenever the list shows no node of this session, one is made, and with it every node
// above that is missing.
class Members final {
 public:
  // `path`: where schedulers register; `data`: what this one tells about itself.
  Members(FolderOptions folder, std::string data, Session& session, Timers& timers, const Clock& clock,
          MetricsSink& metrics);

  // As ZooKeeper listed them last, by name.
  std::vector<Member> list() const;
  // Since when the list may be out of date; nullopt = it is not.
  std::optional<WallTime> stale_since() const { return folder_.stale_since(); }
  // Why the list or the registration does not work; "" = it does, or is about to.
  std::string trouble() const;

 private:
  struct Known {
    WallTime registered{};
    std::int64_t owner = 0;
    std::optional<std::string> data;
  };
  bool own(const std::string& node, const Known& known) const;
  void take(const std::string& node, const std::optional<Node>& found);
  void register_if_missing();
  void registered(const Created& answer);
  // Makes the node and those above it. `done` gets the status of the last attempt.
  void make_parents(const std::string& path, std::function<void(const Created&)> done);

  const std::string data_;
  Session& session_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  std::map<std::string, Known> known_;
  std::string own_node_;  // as made in session own_session_; "" = none was
  std::int64_t own_session_ = 0;
  bool registering_ = false;
  Report report_;
  Backoff backoff_{Millis(1000), Millis(30000)};
  Timer again_;
  Folder folder_;
};

}  // namespace elves::registry
