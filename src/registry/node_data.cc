#include "registry/node_data.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/time_text.h"

namespace elves::registry {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxAgentData = 8192;  // bytes
constexpr std::size_t kMaxHost = 253;
constexpr const char* kPort = ":2181";  // of a server whose port is not given
constexpr std::string_view kInAddress = "0123456789abcdefABCDEF:.";
constexpr std::string_view kInName = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::optional<json::object> object_of(std::string_view data, std::size_t most) {
  if (data.size() > most) return std::nullopt;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code fault;
  auto value = json::parse(data, fault, {}, options);
  if (fault || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

// A text as it is, anything else as JSON; "" when missing or null.
std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value || value->is_null()) return "";
  const auto* text = value->if_string();
  return text ? std::string(*text) : json::serialize(*value);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, port);
  return fault == std::errc() && stop == end && port > 0;
}

bool is_host(std::string_view text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']') && text.size() > 2;
  if (bracketed) text = text.substr(1, text.size() - 2);
  const std::string_view fitting = bracketed ? kInAddress : kInName;
  const auto fits = [fitting](char c) { return fitting.find(c) != std::string_view::npos; };
  return !text.empty() && text.size() <= kMaxHost && std::ranges::all_of(text, fits);
}

}  // namespace

std::string self_text(const Self& self) {
  return json::serialize(json::object{{"host", self.host},
                                      {"thrift_port", self.thrift_port},
                                      {"admin_port", self.admin_port},
                                      {"version", self.version},
                                      {"pid", self.pid},
                                      {"start_time", utc_text(self.started)},
                                      {"instance", self.instance}});
}

std::optional<std::string> object_text(std::string_view data, std::size_t most) {
  const auto value = object_of(data, most);
  return value ? std::optional(json::serialize(*value)) : std::nullopt;
}

AgentData agent_data(std::string_view data) {
  AgentData found;
  const auto value = object_of(data, kMaxAgentData);
  if (!value) return found;
  found.state = text_of(*value, "state");
  found.version = text_of(*value, "version");
  if (const auto* apps = value->if_contains("apps")) found.apps = json::serialize(*apps);
  return found;
}

std::optional<std::string> address_of(std::string_view data) {
  const auto text = trimmed(data);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (!is_host(text.substr(0, colon)) || !is_port(text.substr(colon + 1))) return std::nullopt;
  return std::string(text);
}

Ensemble ensemble_of(std::string_view host) {
  const auto slash = std::min(host.find('/'), host.size());
  Ensemble found{"", std::string(host.substr(slash))};
  while (found.chroot.ends_with('/')) found.chroot.pop_back();
  for (auto rest = host.substr(0, slash); !rest.empty();) {
    const auto one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.empty()) continue;
    const auto colon = one.rfind(':');
    const bool has_port = colon != std::string_view::npos && one.find(']', colon) == std::string_view::npos;
    if (!found.hosts.empty()) found.hosts += ',';
    found.hosts.append(one).append(has_port ? "" : kPort);
  }
  return found;
}

}  // namespace elves::registry
