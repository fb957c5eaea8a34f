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
#include <span>
#include <utility>
#include <vector>

#include "admin/guard.h"
#include "admin/query.h"
#include "base/log.h"

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

// "" when the value is fine, else what is wrong with it.
std::string set_listing_parameter(Route& route, const std::string& name, std::string value) {
  const std::span<const std::string_view> states =
      route.endpoint == Endpoint::jobs ? std::span<const std::string_view>(kJobStates) : kAgentStates;
  if (name == "state") {
    if (std::ranges::find(states, value) == states.end()) {
      return fmt::format("unknown state: one of {}", fmt::join(states, ", "));
    }
    route.state = std::move(value);
  } else if (name == "ip") {
    if (!is_ip_literal(value)) return "ip is no IPv4 or IPv6 address";
    route.ip = std::move(value);
  } else if (name == "limit") {
    const char* end = value.data() + value.size();
    const auto [stop, fault] = std::from_chars(value.data(), end, route.limit);
    if (fault != std::errc() || stop != end || route.limit < 1 || route.limit > kMaxLimit) {
      return fmt::format("limit is no number from 1 to {}", kMaxLimit);
    }
  } else {
    return "unknown parameter: only state, ip and limit are known";
  }
  return "";
}

std::string set_submit_parameter(Route& route, const std::string& name, const std::string& value) {
  if (name != "wait") return "unknown parameter: only wait is known";
  if (value != "true" && value != "false") return "wait is neither true nor false";
  route.wait = value == "true";
  return "";
}

std::string set_parameter(Route& route, const std::string& name, std::string value) {
  if (route.endpoint == Endpoint::jobs || route.endpoint == Endpoint::agents) {
    return set_listing_parameter(route, name, std::move(value));
  }
  if (route.endpoint == Endpoint::submit) return set_submit_parameter(route, name, value);
  return "";
}

Routed with_query(Route route, std::string_view query) {
  auto pairs = parse_query(query);
  if (!pairs) return bad_query("the query has a broken percent escape");
  std::vector<std::string> seen;
  for (auto& [name, value] : *pairs) {
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

Routed job_route(const Head& head, std::string_view escaped_id) {
  auto log_id = percent_decode(escaped_id, false);
  if (!log_id || log_id->empty() || log_id->find('/') != log_id->npos)
    return error_reply(404, "no such page");
  if (!reads(head)) return not_allowed(head, "GET, HEAD");
  Route route(Endpoint::job);
  route.log_id = std::move(*log_id);
  return route;
}

Routed page_route(const Head& head, std::string_view path, std::string_view query) {
  if (path == kJobs) return jobs_route(head, query);
  if (path.starts_with(kJobs) && path[kJobs.size()] == '/')
    return job_route(head, path.substr(kJobs.size() + 1));
  constexpr std::array<std::pair<std::string_view, Endpoint>, 5> kPages{
      {{"/", Endpoint::index},
       {"/healthz", Endpoint::health},
       {"/metrics", Endpoint::metrics},
       {"/api/v1/nodes", Endpoint::nodes},
       {"/api/v1/agents", Endpoint::agents}}};
  const auto* page = std::ranges::find(kPages, path, [](const auto& entry) { return entry.first; });
  if (page == kPages.end()) return error_reply(404, "no such page");
  if (!reads(head)) return not_allowed(head, "GET, HEAD");
  return page->second == Endpoint::agents ? with_query(Route(page->second), query)
                                          : Routed(Route(page->second));
}

const char* token_name(Access access, const Tokens& tokens) {
  if (tokens.none() || access == Access::none) return "";
  return access == Access::full ? "admin.token" : "admin.token.readOnly";
}

Reply index_page() {
  return {
      200,
      R"({"name":"elves-scheduler","version":")" ELVES_VERSION R"(","endpoints":[)"
      R"("POST /api/v1/jobs[?wait=true]","GET /api/v1/jobs?state=&ip=&limit=",)"
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
      return view.jobs(std::move(route.state), std::move(route.ip), route.limit, respond);
    case Endpoint::agents:
      return view.agents(std::move(route.state), std::move(route.ip), route.limit, respond);
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
