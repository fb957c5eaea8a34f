#include "app/registry_side.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "app/settings.h"
#include "base/time_text.h"
#include "dialect/json_writer.h"

namespace elves::app {
namespace {

// Opens an object that says how far what follows can be relied upon.
void write_state(dialect::JsonWriter& json, const registry::Registry* registry,
                 std::optional<WallTime> stale_since) {
  json.begin("zookeeper");
  json.text("state", !registry ? "off" : stale_since ? "stale" : "current");
  json.text("stale_since", registry && stale_since ? utc_text(*stale_since) : "");
  json.text("trouble", registry ? registry->trouble() : "");
  json.end();
}

std::string node_text(const registry::Member& member, WallTime now) {
  const auto age = std::chrono::duration_cast<Seconds>(now - member.registered).count();
  dialect::JsonWriter json(300);
  json.text("node", member.node);
  json.json("self", member.self ? "true" : "false");
  json.text("registered", utc_text(member.registered));
  json.number("age", std::max<std::int64_t>(age, 0));
  json.json("data", member.data.value_or("null"));
  return std::move(json).finish();
}

}  // namespace

void RegistrySide::open(const config::Options& options, const Journal& journal) {
  opened_ = true;
  if (options.standalone || !options.zookeeper.enabled) return;
  registry_.emplace(
      registry_options(options), registry_self(options, clock_, journal.instance()),
      [this](std::function<void()> action) { boost::asio::post(loop_, std::move(action)); }, timers_, clock_,
      metrics_);
  registry_->open();
}

void RegistrySide::close() {
  if (registry_) registry_->close();
}

std::string RegistrySide::nodes() const {
  dialect::JsonWriter json(1000);
  write_state(json, registry_ ? &*registry_ : nullptr,
              registry_ ? registry_->members().stale_since() : std::nullopt);
  std::string all = "[";
  for (const registry::Member& member :
       registry_ ? registry_->members().list() : std::vector<registry::Member>()) {
    if (all.size() > 1) all += ',';
    all += node_text(member, clock_.wall_now());
  }
  json.json("nodes", all + ']');
  return std::move(json).finish();
}

void RegistrySide::agents(std::vector<agent::AgentStatus> called, const AgentFilter& filter,
                          std::function<void(std::string)> done) {
  static const registry::AgentStates nothing;
  AgentListing listing(filter, std::move(called), registry_ ? registry_->agents().states() : nothing);
  auto online = listing.online();
  auto tell = [this, listing = std::move(listing),
               done = std::move(done)](const registry::Agents::Nodes& nodes) {
    dialect::JsonWriter json(1000);
    write_state(json, registry_ ? &*registry_ : nullptr,
                registry_ ? registry_->agents().stale_since() : std::nullopt);
    json.json("agents", listing.text(nodes));
    done(std::move(json).finish());
  };
  if (!registry_) return tell({});
  registry_->agents().read(std::move(online), std::move(tell));
}

bool RegistrySide::offline_for(const std::string& ip, Millis longer_than) const {
  return registry_ && registry_->agents().offline_for(ip, longer_than);
}

std::optional<std::string> RegistrySide::processor(const std::string& app) const {
  return registry_ ? registry_->processor(app) : std::nullopt;
}

}  // namespace elves::app
