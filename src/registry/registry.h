// Everything the scheduler has to do with ZooKeeper.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/event.h"
#include "base/timers.h"
#include "registry/agent_states.h"
#include "registry/members.h"
#include "registry/node_data.h"
#include "registry/processors.h"
#include "registry/session.h"

namespace elves::registry {

struct Options {
  std::string host;        // host:port,host:port, perhaps with a chroot: ".../elves/x"
  Millis out_time{10000};  // session and connect timeout
  std::string root = "/elves";
  std::string auth;                 // user:password, a secret; "" = none
  std::size_t max_watched = 5000;   // schedulers, and processors
  std::size_t max_agents = 200000;  // and as many that are offline
};

// Loop thread only. ZooKeeper slow, away or refusing is a warning and a metric; nothing here waits for it but
// close(), for two seconds at most.
class Registry {
 public:
  // `post` runs actions on the loop; any thread.
  Registry(const Options& options, const Self& self, Gate::Post post, Timers& timers, const Clock& clock,
           MetricsSink& metrics);

  // Returns at once.
  void open() { session_.open(); }
  // Takes the registration back.
  void close() { session_.close(); }

  // "" or what is wrong at the moment, for people.
  std::string trouble() const;
  const Members& members() const { return members_; }
  Agents& agents() { return agents_; }
  const Agents& agents() const { return agents_; }
  // Where an app's processor is, by its node {root}/processor/{app}: "host:port"; nullopt when there is none.
  std::optional<std::string> processor(const std::string& app) const { return processors_.address(app); }
  // Whether ZooKeeper has answered, since the process started, which processors there are.
  bool processors_heard() const { return processors_.heard(); }

 private:
  Session session_;
  Members members_;
  Agents agents_;
  Processors processors_;
};

}  // namespace elves::registry
