// ZooKeeper as the other parts see it, with one or (standalone, or not configured) without.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/agent_listing.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/timers.h"
#include "config/options.h"
#include "dispatch/ports.h"
#include "registry/registry.h"

namespace elves::app {

// Loop thread only.
class RegistrySide {
 public:
  RegistrySide(boost::asio::io_context& loop, Timers& timers, const Clock& clock, MetricsSink& metrics)
      : loop_(loop), timers_(timers), clock_(clock), metrics_(metrics) {}

  // Registers this scheduler, now and whenever its node is lost; returns at once. Nothing standalone.
  void open(const config::Options& options, const Journal& journal);
  // Takes the registration back: two seconds at most.
  void close();

  // What GET /api/v1/nodes shows.
  struct Nodes {
    std::string reach;  // as agents() says
    std::vector<registry::Member> members;
    WallTime now;

    // The body. Any thread.
    std::string text() const;
  };
  Nodes nodes() const;
  // Completes the listing with what ZooKeeper knows. `done` is called once, here or later: with how far that
  // can be relied upon, as a JSON object, and the nodes of those who are online.
  void agents(std::shared_ptr<AgentListing> listing, std::function<void(std::string, AgentNodes)> done);
  // Whether ZooKeeper knows the agent to be offline for longer than that.
  bool offline_for(const std::string& ip, Millis longer_than) const;
  // "host:port" of the app's processor; nullopt when ZooKeeper has none.
  std::optional<std::string> processor(const std::string& app) const;
  // Whether it was heard which there are; true when ZooKeeper is not used. Before open() it is not known.
  bool processors_heard() const { return opened_ && (!registry_ || registry_->processors_heard()); }

 private:
  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  bool opened_ = false;
  std::optional<registry::Registry> registry_;
};

}  // namespace elves::app
