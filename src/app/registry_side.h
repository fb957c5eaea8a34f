// ZooKeeper as the other parts see it, with one or (standalone, or not configured) without.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>

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

  // The body of GET /api/v1/nodes.
  std::string nodes() const;

 private:
  boost::asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  MetricsSink& metrics_;
  std::optional<registry::Registry> registry_;
};

}  // namespace elves::app
