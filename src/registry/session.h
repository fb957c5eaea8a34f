// The scheduler's place at ZooKeeper: a session that is there again after everything that may happen to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/event.h"
#include "base/side_thread.h"
#include "base/timers.h"
#include "registry/handle.h"
#include "registry/report.h"

namespace elves::registry {

// Who wants to know what happens to the session. Loop thread.
class SessionUser {
 public:
  virtual ~SessionUser() = default;
  // Connected, for the first time or again; `fresh`: with a new session, which has no watches.
  virtual void connected(bool fresh) = 0;
  virtual void disconnected() = 0;
  // Something watched about this node, by whomever, has changed.
  virtual void touched(const std::string& path) = 0;
};

// Loop thread only; nothing in it waits but close(). What ZooKeeper's threads have to say is posted to the
// loop.
class Session {
 public:
  Session(HandleOptions options, Gate::Post post, Timers& timers, const Clock& clock, MetricsSink& metrics);
  ~Session() { close(); }

  // Before open(). Not owned; called in this order.
  void add_user(SessionUser& user) { users_.push_back(&user); }
  void open();
  // Ends the session, and with it what it registered, as far as ZooKeeper can be told within two seconds.
  // Nothing is called back any more.
  void close();

  bool connected() const { return connected_; }
  // Null unless connected.
  Handle* handle() const { return connected_ ? handle_.get() : nullptr; }
  // ZooKeeper has answered something: only that ends a trouble, not the connection alone.
  void answered() { report_.fine("reached"); }
  // Why it is not reached, for people; "" = it is, or is about to be.
  const std::string& trouble() const { return report_.why(); }
  void post(std::function<void()> action) { gate_->post(std::move(action)); }

 private:
  using Opened = std::shared_ptr<Handle>;

  void start_opening();
  void opened(Opened handle, const std::string& fault);
  void take_state(Handle::State state);
  void arrive();
  void leave(const std::string& why);
  void renew(Millis pause);

  const HandleOptions options_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  std::shared_ptr<Gate> gate_;
  SideThread side_;
  Opened handle_;  // destroyed on the side thread only
  std::vector<SessionUser*> users_;
  Report report_;
  Backoff backoff_{Millis(500), Millis(15000)};
  Timer retry_;
  Timer patience_;  // until a connection that is not made is a trouble
  std::int64_t session_ = 0;
  bool connected_ = false;
};

}  // namespace elves::registry
