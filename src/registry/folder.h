// The children of one node, kept up to date, with or without what they hold.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/backoff.h"
#include "base/event.h"
#include "base/timers.h"
#include "registry/report.h"
#include "registry/session.h"

namespace elves::registry {

struct FolderOptions {
  std::string path;        // may be missing, and come later
  bool data = false;       // read and watch what each child holds
  std::size_t most = 0;    // children beyond are not looked at
  const char* limit = "";  // the key that says how many
};

// Loop thread only. One watch for the list, however long; with `data` one more for each child, and
// libzookeeper brings all watches back after a lost connection in one packet, of which a server takes 1 MiB:
// `most` keeps it below that. The longer the list, the less often it is read, at most every five seconds.
class Folder final : public SessionUser {
 public:
  // One child: what it holds; nullopt when it is gone. A node whose status is not ok could not be read.
  using Changed = std::function<void(const std::string& name, const std::optional<Node>& node)>;
  // After each change of the list, when all is read.
  using Settled = std::function<void()>;

  Folder(FolderOptions options, Session& session, Timers& timers, const Clock& clock, MetricsSink& metrics,
         Changed changed, Settled settled);

  void connected(bool fresh) override;
  void disconnected() override;
  void touched(const std::string& path) override;

  // Reads the list anew; settled() follows.
  void look();
  // Since when what is known may be out of date; nullopt = it is what ZooKeeper holds, give or take what is
  // just being read.
  std::optional<WallTime> stale_since() const { return stale_since_; }
  bool current() const { return !stale_since_; }
  // "" or why the list cannot be read, for people.
  const std::string& trouble() const { return report_.why(); }
  const std::string& path() const { return options_.path; }
  // The names that were listed last.
  const Names& names() const { return *names_; }

 private:
  void ask();
  void look_later(Millis pause);
  void listed(Children answer);
  void await_birth();
  void take(std::shared_ptr<const Names> names, Names added, Names removed);
  void work_off();
  void read_on();
  void read(const std::string& name, Node node);
  void settle();
  void set_current(bool current);

  const FolderOptions options_;
  Session& session_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  Changed changed_;
  Settled settled_;
  Report report_;
  Backoff backoff_{Millis(1000), Millis(30000)};
  Timer again_;
  std::shared_ptr<const Names> names_ = std::make_shared<Names>();
  Names added_;  // still to be told, from the back
  Names removed_;
  std::set<std::string> unread_;
  std::size_t reading_ = 0;
  std::optional<WallTime> stale_since_;
  bool asking_ = false;  // a list is under way or being worked off
  bool ask_again_ = false;
  bool read_all_ = false;  // with the next list: the session's watches are gone
};

}  // namespace elves::registry
