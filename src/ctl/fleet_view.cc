#include "ctl/fleet_view.h"

#include <charconv>
#include <cstdint>
#include <vector>

#include "ctl/text.h"

namespace elves::ctl {
namespace {

namespace json = boost::json;

// The member, or null.
const json::value& part(const json::value& object, std::string_view key) {
  static const json::value none;
  const auto* fields = object.if_object();
  const auto* value = fields ? fields->if_contains(key) : nullptr;
  return value ? *value : none;
}

const json::array& rows_of(const json::value& listing, std::string_view key) {
  static const json::array none;
  const auto* rows = part(listing, key).if_array();
  return rows ? *rows : none;
}

// "3d 04:05:06"
std::string duration(const json::value& object, std::string_view key) {
  auto text = member(object, key);
  std::uint64_t seconds = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) return text;
  const auto two = [](std::uint64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const auto days = seconds / 86400;
  return (days > 0 ? std::to_string(days) + "d " : "") + two(seconds / 3600 % 24) + ':' +
         two(seconds / 60 % 60) + ':' + two(seconds % 60);
}

// What a peer wrote, in whatever shape: {"a": "1.0"}, ["a"] and [{"app": "a", ...}] as "a 1.0", "a", "a".
std::string apps_text(const json::value& apps) {
  std::string text;
  const auto add = [&text](std::string_view name) { (text += text.empty() ? "" : ", ").append(name); };
  if (const auto* fields = apps.if_object()) {
    for (const auto& field : *fields) {
      const auto version = member(apps, field.key());
      add(std::string(field.key()) + (version.empty() ? "" : " " + version));
    }
  } else if (const auto* list = apps.if_array()) {
    for (const auto& one : *list) add(one.is_string() ? std::string(one.get_string()) : member(one, "app"));
  } else if (const auto* one = apps.if_string()) {
    add(*one);
  }
  return text;
}

}  // namespace

std::string node_table(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{
      {"NODE", "HOST", "THRIFT", "ADMIN", "VERSION", "PID", "STARTED", "AGE"}};
  for (const auto& node : rows_of(listing, "nodes")) {
    const auto& data = part(node, "data");
    rows.push_back({member(node, "node") + (member(node, "self") == "true" ? " *" : ""), member(data, "host"),
                    member(data, "thrift_port"), member(data, "admin_port"), member(data, "version"),
                    member(data, "pid"), member(data, "start_time"), duration(node, "age")});
  }
  return table(rows);
}

std::string agent_table(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{
      {"AGENT", "STATE", "SINCE", "VERSION", "APPS", "IN_FLIGHT", "WAITING", "FAILURES", "BREAKER"}};
  for (const auto& agent : rows_of(listing, "agents")) {
    rows.push_back({member(agent, "ip"), member(agent, "state"), member(agent, "since"),
                    member(agent, "version"), apps_text(part(agent, "apps")), member(agent, "in_flight"),
                    member(agent, "waiting"), member(agent, "failures"), member(agent, "breaker")});
  }
  return table(rows);
}

std::string reservation(const json::value& listing) {
  const auto& zookeeper = part(listing, "zookeeper");
  const auto state = member(zookeeper, "state");
  if (state == "off")
    return "this scheduler has no ZooKeeper (zookeeper.host): what only that knows is missing";
  if (state != "stale") return "";
  const auto why = one_line(member(zookeeper, "trouble"));
  return "what ZooKeeper says is not known since " + one_line(member(zookeeper, "stale_since")) +
         "; this is what it said last" + (why.empty() ? "" : " (" + why + ")");
}

}  // namespace elves::ctl
