// What a request asks for and what to answer, without a line of HTTP library. HTTP thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "admin/admin_view.h"
#include "admin/guard.h"

namespace elves::admin {

// The part of a request that says whether and where it is served; a missing field is "".
struct Head {
  std::string_view method;
  std::string_view target;
  std::string_view host;
  std::string_view authorization;
  std::string_view content_type;
  std::string_view origin;  // a browser's page that makes the request
};

struct Reply {
  Reply(unsigned s, std::string b, std::string type = "application/json")
      : status(s), body(std::move(b)), content_type(std::move(type)) {}
  unsigned status;
  std::string body;
  std::string content_type;
  std::string allow;  // of a 405
};

enum class Endpoint : std::uint8_t { index, health, metrics, submit, job, jobs, nodes, agents };

// A request that will be served, its query parsed.
struct Route {
  explicit Route(Endpoint e) : endpoint(e) {}
  Endpoint endpoint;
  Caller caller;       // its address is for the connection to fill in
  bool wait = false;   // submit
  std::string log_id;  // job
  Listing listing;     // jobs, agents
};

// {"error": text, "code": code}; `code` defaults to the status.
Reply error_reply(unsigned status, std::string_view text, std::string_view code = "");

// Where the request goes, or why it does not (400, 401, 403, 404, 405, 415). A POST needs full access.
std::variant<Route, Reply> route(const Head& head, const Tokens& tokens);

// Asks the view. `done` is called with exactly one answer, and perhaps with a kBegun before it; from any
// thread, inside this call or later.
void ask(AdminView& view, Route route, std::string body, std::function<void(Reply)> done);

}  // namespace elves::admin
