// What the HTTP API asks, answered by the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "admin/admin_view.h"
#include "agent/agent_pool.h"
#include "app/broker_side.h"
#include "app/registry_side.h"
#include "dialect/limits.h"
#include "dispatch/dispatcher.h"
#include "dispatch/ports.h"
#include "metrics/metrics.h"

namespace elves::app {

// Called on the HTTP thread; everything but decoding and encoding happens on the loop.
class AdminAdapter final : public admin::AdminView {
 public:
  struct Parts {
    boost::asio::io_context& loop;
    Dispatcher& dispatcher;
    Journal& journal;
    const agent::AgentPool& agents;
    RegistrySide& registry;
    const BrokerSide& broker;
    Metrics& metrics;
    dialect::Limits limits;
    std::function<void()> take_readings;   // for the metrics; loop thread
    std::function<std::string()> trouble;  // "" or why jobs are not taken now; loop thread
  };

  explicit AdminAdapter(Parts parts) : parts_(std::move(parts)) {}

  void submit(std::string body, bool wait, admin::Caller caller, admin::Respond respond) override;
  void job(std::string log_id, admin::Respond respond) override;
  void jobs(std::string state, std::string ip, std::size_t limit, admin::Respond respond) override;
  void agents(std::string state, std::string ip, std::size_t limit, admin::Respond respond) override;
  void nodes(admin::Respond respond) override;
  void health(admin::Respond respond) override;
  void metrics(admin::Respond respond) override;

 private:
  void on_loop(std::function<void()> action);

  Parts parts_;
};

}  // namespace elves::app
