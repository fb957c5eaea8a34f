#include "app/registry_side.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "app/settings.h"
#include "base/time_text.h"
#include "dialect/json_writer.h"

namespace elves::app {
namespace {

// How far what ZooKeeper said can be relied upon.
std::string reach_of(const registry::Registry* registry, std::optional<WallTime> stale_since) {
  dialect::JsonWriter json(200);
  json.text("state", !registry ? "off" : stale_since ? "stale" : "current");
  json.text("stale_since", registry && stale_since ? utc_text(*stale_since) : "");
  json.text("trouble", registry ? registry->trouble() : "");
  return std::move(json).finish();
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

RegistrySide::Nodes RegistrySide::nodes() const {
  if (!registry_) return {reach_of(nullptr, std::nullopt), {}, clock_.wall_now()};
  return {reach_of(&*registry_, registry_->members().stale_since()), registry_->members().list(),
          clock_.wall_now()};
}

std::string RegistrySide::Nodes::text() const {
  std::string all = "[";
  for (const registry::Member& member : members) {
    if (all.size() > 1) all += ',';
    all += node_text(member, now);
  }
  dialect::JsonWriter json(1000 + all.size());
  json.json("zookeeper", reach);
  json.json("nodes", all += ']');
  return std::move(json).finish();
}

void RegistrySide::agents(std::shared_ptr<AgentListing> listing,
                          std::function<void(std::string, AgentNodes)> done) {
  static const registry::AgentStates nothing;
  if (listing->look(registry_ ? registry_->agents().states() : nothing)) {
    return boost::asio::post(loop_, [this, listing = std::move(listing), done = std::move(done)]() mutable {
      agents(std::move(listing), std::move(done));
    });
  }
  if (!registry_) return done(reach_of(nullptr, std::nullopt), {});
  registry_->agents().read(listing->online(), [this, done = std::move(done)](AgentNodes nodes) {
    done(reach_of(&*registry_, registry_->agents().stale_since()), std::move(nodes));
  });
}

bool RegistrySide::offline_for(const std::string& ip, Millis longer_than) const {
  return registry_ && registry_->agents().offline_for(ip, longer_than);
}

std::optional<std::string> RegistrySide::processor(const std::string& app) const {
  return registry_ ? registry_->processor(app) : std::nullopt;
}

}  // namespace elves::app
