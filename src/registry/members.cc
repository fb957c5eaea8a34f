#include "registry/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "registry/node_data.h"

namespace elves::registry {
namespace {

constexpr std::size_t kMaxData = 4096;  // bytes of one scheduler's data

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Members::Members(FolderOptions folder, std::string data, Session& session, Timers& timers, const Clock& clock,
                 MetricsSink& metrics)
    : data_(std::move(data)),
      session_(session),
      timers_(timers),
      clock_(clock),
      metrics_(metrics),
      report_("the registration in ZooKeeper below " + folder.path),
      folder_(
          std::move(folder), session, timers, clock, metrics,
          [this](const std::string& node, const std::optional<Node>& found) { take(node, found); },
          [this] { register_if_missing(); }) {}

std::vector<Member> Members::list() const {
  std::vector<Member> all;
  all.reserve(known_.size());
  for (const auto& [node, known] : known_) {
    all.push_back({node, own(node, known), known.registered, known.data});
  }
  return all;
}

std::string Members::trouble() const { return report_.why().empty() ? folder_.trouble() : report_.why(); }

void Members::take(const std::string& node, const std::optional<Node>& found) {
  if (!found) {
    known_.erase(node);
  } else {
    known_[node] = {found->created, found->owner, object_text(found->data, kMaxData)};
  }
}

bool Members::own(const std::string& node, const Known& known) const {
  return own_session_ != 0 && (known.owner == own_session_ || node == own_node_);
}

// A node may have been made although its answer was lost: it tells by its owner.
void Members::register_if_missing() {
  Handle* const handle = session_.handle();
  if (registering_ || again_.pending() || !handle) return;
  if (std::exchange(own_session_, handle->session()) != handle->session()) own_node_.clear();
  const bool listed = folder_.current();
  const auto is_own = [this](const auto& entry) { return own(entry.first, entry.second); };
  if (std::ranges::any_of(known_, is_own)) return report_.fine("done");
  if (!own_node_.empty() && (!listed || std::ranges::binary_search(folder_.names(), own_node_))) return;
  if (!listed && folder_.trouble().empty()) return;
  registering_ = true;
  handle->create(folder_.path() + "/scheduler-", data_, true, [this](const Created& answer) {
    if (answer.status != Status::no_node) return registered(answer);
    make_parents(folder_.path(), [this](const Created& made) {
      // Made or not, the next attempt tells; only a failure is told here.
      registering_ = false;
      if (made.status == Status::ok || made.status == Status::exists) return register_if_missing();
      registered(made);
    });
  });
}

void Members::registered(const Created& answer) {
  registering_ = false;
  if (answer.status == Status::lost) return;  // the list that follows the next connection tells
  session_.answered();
  if (answer.status != Status::ok) {
    if (report_.trouble(fmt::format("is refused: {}", answer.error)))
      metrics_.count(Event::zookeeper_refused);
    timers_.set(again_, Deadline::after(clock_, backoff_.next()), [this] { register_if_missing(); });
    return;
  }
  metrics_.count(Event::zookeeper_registered);
  own_node_ = answer.path.substr(answer.path.rfind('/') + 1);
  backoff_.reset();
  report_.fine("done");
  log::info("registered in ZooKeeper as {}", answer.path);
  folder_.look();
}

void Members::make_parents(const std::string& path, std::function<void(const Created&)> done) {
  Handle* const handle = session_.handle();
  if (!handle) return done({Status::lost, "", ""});
  handle->create(path, "", false, [this, path, done = std::move(done)](const Created& answer) {
    if (answer.status != Status::no_node || parent_of(path).empty()) return done(answer);
    make_parents(parent_of(path), [this, path, done](const Created& above) {
      if (above.status != Status::ok && above.status != Status::exists) return done(above);
      make_parents(path, done);
    });
  });
}

}  // namespace elves::registry
