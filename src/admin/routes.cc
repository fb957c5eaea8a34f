#include "admin/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "admin/guard.h"
#include "admin/query.h"
#include "base/log.h"
#include "base/nearest_name.h"

namespace elves::admin {
namespace {

constexpr std::string_view kJobs = "/api/v1/jobs";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::size_t kMaxLimit = 10000;
constexpr std::array<std::string_view, 6> kJobStates{"received",  "accepted", "settled",
                                                     "published", "open",     "done"};
constexpr std::array<std::string_view, 3> kAgentStates{"online", "offline", "unknown"};

using Routed = std::variant<Route, Reply>;

std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::value(text)); }

Reply bad_query(std::string_view what) { return error_reply(400, what); }

Reply not_allowed(const Head& head, std::string allow) {
  Reply reply = error_reply(405, fmt::format("{} is not offered here, only {}", head.method, allow));
  reply.allow = std::move(allow);
  return reply;
}

bool reads(const Head& head) { return head.method == "GET" || head.method == "HEAD"; }

// What the query of a page may have; nullopt: whatever somebody adds.
std::optional<std::span<const std::string_view>> parameters_of(Endpoint endpoint) {
  static constexpr std::array<std::string_view, 4> jobs{"state", "ip", "limit", "fields"};
  static constexpr std::array<std::string_view, 3> agents{"state", "ip", "limit"};
  static constexpr std::array<std::string_view, 1> submit{"wait"};
  switch (endpoint) {
    case Endpoint::jobs:
      return jobs;
    case Endpoint::agents:
      return agents;
    case Endpoint::submit:
      return submit;
    case Endpoint::job:
    case Endpoint::nodes:
      return std::span<const std::string_view>();
    default:
      return std::nullopt;
  }
}

// The setters answer "" when the value is fine, else what is wrong with it.

std::string set_state(Route& route, std::string value) {
  const std::span<const std::string_view> states =
      route.endpoint == Endpoint::jobs ? std::span<const std::string_view>(kJobStates) : kAgentStates;
  if (std::ranges::find(states, value) == states.end()) {
    return fmt::format("unknown state: one of {}", fmt::join(states, ", "));
  }
  route.listing.state = std::move(value);
  return "";
}

std::string set_limit(Route& route, std::string_view value) {
  std::size_t& limit = route.listing.limit;
  const char* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, limit);
  const bool fine = fault == std::errc() && stop == end && limit >= 1 && limit <= kMaxLimit;
  return fine ? "" : fmt::format("limit is no number from 1 to {}", kMaxLimit);
}

std::string set_parameter(Route& route, std::string_view name, std::string value) {
  if (name == "state") return set_state(route, std::move(value));
  if (name == "limit") return set_limit(route, value);
  if (name == "ip") {
    if (!is_ip_literal(value)) return "ip is no IPv4 or IPv6 address";
    route.listing.ip = std::move(value);
  } else if (name == "fields") {
    if (value != "brief" && value != "full") return "fields is neither brief nor full";
    route.listing.full = value == "full";
  } else if (name == "wait") {
    if (value != "true" && value != "false") return "wait is neither true nor false";
    route.wait = value == "true";
  }
  return "";
}

std::string unknown_parameter(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kShown = 64;
  name = name.substr(0, kShown);
  if (known.empty()) return fmt::format("unknown parameter {}: this page takes none", name);
  return fmt::format("unknown parameter {}; the nearest known one is {}", name, nearest_name(name, known));
}

Routed with_query(Route route, std::string_view query) {
  const auto known = parameters_of(route.endpoint);
  if (!known) return route;
  auto pairs = parse_query(query);
  if (!pairs) return bad_query("the query has a broken percent escape");
  std::vector<std::string> seen;
  for (auto& [name, value] : *pairs) {
    if (std::ranges::find(*known, name) == known->end()) return bad_query(unknown_parameter(name, *known));
    if (std::ranges::find(seen, name) != seen.end()) return bad_query("a parameter is given twice");
    seen.push_back(name);
    if (const auto fault = set_parameter(route, name, std::move(value)); !fault.empty())
      return bad_query(fault);
  }
  return route;
}

bool is_json(std::string_view content_type) {
  const auto rest = content_type.substr(std::min(kJson.size(), content_type.size()));
  return same_ignoring_case(content_type.substr(0, kJson.size()), kJson) &&
         (rest.empty() || rest.front() == ';' || rest.front() == ' ');
}

Routed jobs_route(const Head& head, std::string_view query) {
  if (reads(head)) return with_query(Route(Endpoint::jobs), query);
  if (head.method != "POST") return not_allowed(head, "GET, HEAD, POST");
  // A page of another site can make a browser send a form, but not JSON unasked.
  if (!head.origin.empty() && !is_json(head.content_type)) {
    return error_reply(415, "from a browser, the Content-Type must be application/json");
  }
  return with_query(Route(Endpoint::submit), query);
}

Routed job_route(const Head& head, std::string_view escaped_id, std::string_view query) {
  auto log_id = percent_decode(escaped_id, false);
  if (!log_id || log_id->empty() || log_id->find('/') != log_id->npos)
    return error_reply(404, "no such page");
  if (!reads(head)) return not_allowed(head, "GET, HEAD");
  Route route(Endpoint::job);
  route.log_id = std::move(*log_id);
  return with_query(std::move(route), query);
}

Routed page_route(const Head& head, std::string_view path, std::string_view query) {
  if (path == kJobs) return jobs_route(head, query);
  if (path.starts_with(kJobs) && path[kJobs.size()] == '/')
    return job_route(head, path.substr(kJobs.size() + 1), query);
  constexpr std::array<std::pair<std::string_view, Endpoint>, 5> kPages{
      {{"/", Endpoint::index},
       {"/healthz", Endpoint::health},
       {"/metrics", Endpoint::metrics},
       {"/api/v1/nodes", Endpoint::nodes},
       {"/api/v1/agents", Endpoint::agents}}};
  const auto* page = std::ranges::find(kPages, path, [](const auto& entry) { return entry.first; });
  if (page == kPages.end()) return error_reply(404, "no such page");
  if (!reads(head)) return not_allowed(head, "GET, HEAD");
  return with_query(Route(page->second), query);
}

const char* token_name(Access access, const Tokens& tokens) {
  if (tokens.none() || access == Access::none) return "";
  return access == Access::full ? "admin.token" : "admin.token.readOnly";
}

Reply index_page() {
  return {
      200,
      R"({"name":"elves-scheduler","version":")" ELVES_VERSION R"(","endpoints":[)"
      R"("POST /api/v1/jobs[?wait=true]","GET /api/v1/jobs?state=&ip=&limit=&fields=",)"
      R"("GET /api/v1/jobs/{log_id}","GET /api/v1/nodes","GET /api/v1/agents?state=&ip=&limit=","GET /healthz","GET /metrics"]})"};
}

// One promise to answer, shared by the copies of a Respond: the first answer counts, none at all is a 500.
class Promise {
 public:
  explicit Promise(std::function<void(Reply)> done) : done_(std::move(done)) {}
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  ~Promise() { keep(error_reply(500, "[500]Internal ServerError: the request was given up")); }

  void keep(Reply reply) {
    const bool early = reply.status == kBegun;
    if (early ? !kept_ : !kept_.exchange(true)) done_(std::move(reply));
  }

 private:
  std::atomic<bool> kept_ = false;
  std::function<void(Reply)> done_;
};

void call(AdminView& view, Route route, std::string body, const Respond& respond) {
  switch (route.endpoint) {
    case Endpoint::submit:
      return view.submit(std::move(body), route.wait, std::move(route.caller), respond);
    case Endpoint::job:
      return view.job(std::move(route.log_id), respond);
    case Endpoint::jobs:
      return view.jobs(std::move(route.listing), respond);
    case Endpoint::agents:
      return view.agents(std::move(route.listing), respond);
    case Endpoint::nodes:
      return view.nodes(respond);
    case Endpoint::health:
      return view.health(respond);
    case Endpoint::metrics:
      return view.metrics(respond);
    case Endpoint::index:
      break;
  }
}

}  // namespace

Reply error_reply(unsigned status, std::string_view text, std::string_view code) {
  const std::string code_text = code.empty() ? std::to_string(status) : std::string(code);
  return {status, fmt::format(R"({{"error":{},"code":{}}})", quoted(text), quoted(code_text))};
}

Routed route(const Head& head, const Tokens& tokens) {
  const auto path = head.target.substr(0, head.target.find('?'));
  const auto query = head.target.substr(std::min(path.size() + 1, head.target.size()));
  const auto access = access_of(head.authorization, tokens);
  if (path != "/healthz") {
    if (tokens.none() && !is_direct_host(head.host)) {
      return error_reply(403, "without a token only requests to localhost or an IP address are answered");
    }
    if (access == Access::none) return error_reply(401, "a valid Authorization: Bearer token is needed");
    if (access == Access::read_only && !reads(head)) {
      return error_reply(403, "this token may only read: admin.token is needed to submit jobs");
    }
  }
  auto routed = page_route(head, path, query);
  if (auto* route = std::get_if<Route>(&routed)) route->caller.token = token_name(access, tokens);
  return routed;
}

void ask(AdminView& view, Route route, std::string body, std::function<void(Reply)> done) {
  const auto promise = std::make_shared<Promise>(std::move(done));
  try {
    if (route.endpoint == Endpoint::index) return promise->keep(index_page());
    const std::string type(route.endpoint == Endpoint::metrics ? kPrometheus : kJson);
    call(view, std::move(route), std::move(body),
         [promise, type](Answer answer) { promise->keep({answer.status, std::move(answer.body), type}); });
  } catch (const std::exception& fault) {
    log::error("http: {}", fault.what());
    promise->keep(error_reply(500, "[500]Internal ServerError"));
  }
}

}  // namespace elves::admin
