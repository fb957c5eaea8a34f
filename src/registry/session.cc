#include "registry/session.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/log.h"

namespace elves::registry {
namespace {

// For ZooKeeper to hear of the end.
constexpr Millis kFarewell{2000};

}  // namespace

Session::Session(HandleOptions options, Gate::Post post, Timers& timers, const Clock& clock,
                 MetricsSink& metrics)
    : options_(std::move(options)),
      timers_(timers),
      clock_(clock),
      metrics_(metrics),
      gate_(std::make_shared<Gate>(std::move(post))),
      report_("ZooKeeper " + options_.hosts) {}

void Session::open() {
  timers_.set(patience_, Deadline::after(clock_, options_.out_time), [this] {
    report_.trouble(fmt::format("no session within {} ms; it is tried on, dispatching does not need it",
                                options_.out_time.count()));
  });
  start_opening();
}

void Session::start_opening() {
  Handle::Events events;
  events.state = [this](Handle::State state) { take_state(state); };
  events.touched = [this](const std::string& path) {
    for (SessionUser* user : users_) user->touched(path);
  };
  side_.run([this, options = options_, gate = gate_, events = std::move(events)] {
    Opened made;
    std::string fault;
    try {
      made = std::make_shared<Handle>(options, gate, events);
    } catch (const std::runtime_error& error) {
      fault = error.what();
    }
    gate->post([this, made = std::move(made), fault] { opened(made, fault); });
  });
}

void Session::opened(Opened handle, const std::string& fault) {
  handle_ = std::move(handle);
  if (handle_) return take_state(handle_->state());
  report_.trouble(fmt::format("cannot be opened ({}); it is tried on, dispatching does not need it", fault));
  timers_.set(retry_, Deadline::after(clock_, backoff_.next()), [this] { start_opening(); });
}

// States of a handle that is gone or not here yet mean nothing: opened() looks at the state itself.
void Session::take_state(Handle::State state) {
  if (!handle_) return;
  switch (state) {
    case Handle::State::connected:
      return arrive();
    case Handle::State::connecting:
      if (connected_) leave("the connection is lost; it is tried on, dispatching does not need it");
      return;
    case Handle::State::expired:
      metrics_.count(Event::zookeeper_expired);
      leave("the session has expired; another one is asked for");
      return renew(backoff_.next());
    case Handle::State::auth_failed:
      leave("zookeeper.auth is refused; it is tried on, dispatching does not need it");
      return renew(backoff_.next());
  }
}

void Session::arrive() {
  if (std::exchange(connected_, true)) return;
  patience_.cancel();
  backoff_.reset();
  const bool fresh = std::exchange(session_, handle_->session()) != handle_->session();
  if (fresh) log::info("ZooKeeper {}: a new session, {:#x}", options_.hosts, session_);
  metrics_.count(Event::zookeeper_connected);
  for (SessionUser* user : users_) user->connected(fresh);
}

void Session::leave(const std::string& why) {
  report_.trouble(why);
  if (!std::exchange(connected_, false)) return;
  metrics_.count(Event::zookeeper_lost);
  for (SessionUser* user : users_) user->disconnected();
}

void Session::renew(Millis pause) {
  side_.run([old = std::exchange(handle_, nullptr)]() mutable { old.reset(); });
  timers_.set(retry_, Deadline::after(clock_, pause), [this] { start_opening(); });
}

void Session::close() {
  gate_->close();
  retry_.cancel();
  patience_.cancel();
  connected_ = false;
  const bool open = handle_ != nullptr;
  if (open) side_.run([old = std::exchange(handle_, nullptr)]() mutable { old.reset(); });
  // One that is only being opened, and may look names up for as long as it likes, has nobody to tell.
  if (side_.finish(open ? kFarewell : Millis(0))) return;
  mute_zookeeper_log();
  if (!open) return;
  log::warn("ZooKeeper {} did not take the end of the session within {} ms; it expires by itself",
            options_.hosts, kFarewell.count());
}

}  // namespace elves::registry
