// What the HTTP API asks: the loop says how things stand, and a thread of its own makes answers of it, which
// takes as long as they are large.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "admin/admin_view.h"
#include "agent/agent_pool.h"
#include "app/broker_side.h"
#include "app/registry_side.h"
#include "base/side_thread.h"
#include "dialect/limits.h"
#include "dispatch/dispatcher.h"
#include "journal/readable_journal.h"
#include "metrics/metrics.h"

namespace elves::app {

// Called on the HTTP thread.
class AdminAdapter final : public admin::AdminView {
 public:
  struct Parts {
    boost::asio::io_context& loop;
    Dispatcher& dispatcher;
    ReadableJournal& journal;
    const agent::AgentPool& agents;
    RegistrySide& registry;
    const BrokerSide& broker;
    Metrics& metrics;
    dialect::Limits limits;
    std::function<void()> take_readings;   // for the metrics; loop thread
    std::function<std::string()> trouble;  // "" or why jobs are not taken now; loop thread
  };

  explicit AdminAdapter(Parts parts) : parts_(std::move(parts)) {}
  AdminAdapter(const AdminAdapter&) = delete;
  AdminAdapter& operator=(const AdminAdapter&) = delete;
  ~AdminAdapter() override;

  void submit(std::string body, bool wait, admin::Caller caller, admin::Respond respond) override;
  void job(std::string log_id, admin::Respond respond) override;
  void jobs(admin::Listing listing, admin::Respond respond) override;
  void agents(admin::Listing listing, admin::Respond respond) override;
  void nodes(admin::Respond respond) override;
  void health(admin::Respond respond) override;
  void metrics(admin::Respond respond) override;

 private:
  void on_loop(std::function<void()> action);

  Parts parts_;
  SideThread clerk_;  // makes answers
};

}  // namespace elves::app
