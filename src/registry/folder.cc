#include "registry/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace elves::registry {
namespace {

constexpr std::size_t kStep = 1000;   // children told in one turn of the loop
constexpr std::size_t kReading = 64;  // reads under way at a time
constexpr Millis kShortest{50};       // between two lists
constexpr Millis kLongest{5000};
constexpr std::size_t kNamesPerMillis = 20;

Millis pause_for(std::size_t names) {
  return std::clamp(Millis(static_cast<Millis::rep>(names / kNamesPerMillis)), kShortest, kLongest);
}

}  // namespace

Folder::Folder(FolderOptions options, Session& session, Timers& timers, const Clock& clock,
               MetricsSink& metrics, Changed changed, Settled settled)
    : options_(std::move(options)),
      session_(session),
      timers_(timers),
      clock_(clock),
      metrics_(metrics),
      changed_(std::move(changed)),
      settled_(std::move(settled)),
      report_("ZooKeeper, " + options_.path) {
  set_current(false);
  session_.add_user(*this);
}

void Folder::connected(bool fresh) {
  read_all_ = read_all_ || (fresh && options_.data);
  look();
  read_on();
}

void Folder::disconnected() {
  set_current(false);
  again_.cancel();
}

void Folder::touched(const std::string& path) {
  if (path == options_.path) return look_later(pause_for(names_->size()));
  const auto& own = options_.path;
  if (!options_.data || !path.starts_with(own) || path.size() <= own.size() + 1 || path[own.size()] != '/')
    return;
  unread_.insert(path.substr(own.size() + 1));
  read_on();
}

void Folder::look_later(Millis pause) {
  if (again_.pending()) return;
  timers_.set(again_, Deadline::after(clock_, pause), [this] { look(); });
}

void Folder::look() {
  ask_again_ = true;
  ask();
}

void Folder::ask() {
  Handle* const handle = session_.handle();
  if (asking_ || !ask_again_ || !handle) return;
  asking_ = true;
  ask_again_ = false;
  handle->children(options_.path, names_, options_.most,
                   [this](Children answer) { listed(std::move(answer)); });
}

void Folder::listed(Children answer) {
  asking_ = false;
  if (answer.status == Status::lost) return;  // asked for again by connected()
  session_.answered();
  switch (answer.status) {
    case Status::ok:
      if (answer.total > options_.most) {
        report_.trouble(
            fmt::format("more than {} nodes; no others are looked at ({})", options_.most, options_.limit));
      } else {
        report_.fine("can be read");
      }
      backoff_.reset();
      return take(std::move(answer.names), std::move(answer.added), std::move(answer.removed));
    case Status::no_node:
      return await_birth();
    default:
      set_current(false);
      if (report_.trouble(fmt::format("cannot be read: {}", answer.error))) {
        metrics_.count(Event::zookeeper_refused);
      }
      look_later(backoff_.next());
      settle();
  }
}

void Folder::await_birth() {
  Handle* const handle = session_.handle();
  if (!handle) return;
  asking_ = true;
  handle->exists(options_.path, [this](Status status) {
    asking_ = false;
    if (status == Status::lost) return;
    if (status == Status::ok) return look();
    report_.fine("can be read");
    take(std::make_shared<Names>(), {}, *names_);
  });
}

void Folder::take(std::shared_ptr<const Names> names, Names added, Names removed) {
  asking_ = true;
  names_ = std::move(names);
  added_ = std::move(added);
  removed_ = std::move(removed);
  work_off();
}

// In steps, so that a long list does not keep the loop from other work.
void Folder::work_off() {
  for (std::size_t i = 0; i < kStep && !removed_.empty(); ++i, removed_.pop_back()) {
    unread_.erase(removed_.back());
    changed_(removed_.back(), std::nullopt);
  }
  for (std::size_t i = 0; i < kStep && !added_.empty(); ++i, added_.pop_back()) {
    if (options_.data) {
      unread_.insert(std::move(added_.back()));
    } else {
      changed_(added_.back(), Node{});
    }
  }
  if (!removed_.empty() || !added_.empty()) return session_.post([this] { work_off(); });
  if (std::exchange(read_all_, false)) unread_.insert(names_->begin(), names_->end());
  asking_ = false;
  set_current(session_.connected());
  read_on();
  settle();
  ask();
}

void Folder::read_on() {
  while (Handle* const handle = reading_ < kReading && !unread_.empty() ? session_.handle() : nullptr) {
    const std::string name = *unread_.begin();
    unread_.erase(unread_.begin());
    ++reading_;
    handle->get(options_.path + '/' + name, true, [this, name](Node node) { read(name, std::move(node)); });
  }
}

// One that is gone meanwhile is missing in the list that follows.
void Folder::read(const std::string& name, Node node) {
  --reading_;
  if (node.status == Status::lost) {
    unread_.insert(name);  // read by connected()
    return;
  }
  if (node.status != Status::no_node && std::ranges::binary_search(*names_, name)) {
    changed_(name, node);
  }
  read_on();
  settle();
}

void Folder::set_current(bool current) {
  if (current) {
    stale_since_.reset();
  } else if (!stale_since_) {
    stale_since_ = clock_.wall_now();
  }
}

void Folder::settle() {
  if (!asking_ && !ask_again_ && reading_ == 0 && unread_.empty()) settled_();
}

}  // namespace elves::registry
