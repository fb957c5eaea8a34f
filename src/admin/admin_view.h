// What the HTTP server needs of the rest. Bodies are JSON text; admin/ knows HTTP and nothing of jobs.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace elves::admin {

// The status of what is said before the answer to who waits for a job: the body is then the log id, no JSON.
inline constexpr unsigned kBegun = 102;

// One answer to an HTTP request.
struct Answer {
  unsigned status = 200;
  std::string body;  // JSON, unless said otherwise
};
// May be called from any thread, later, even after the server is gone; calls after the first answer are
// ignored. When the last copy is dropped without a call, the client is answered 500.
using Respond = std::function<void(Answer)>;

// Who makes a request.
struct Caller {
  std::string address;  // without port
  std::string token;    // the key that names the token it showed; "" = none was asked for
};

// Which jobs, or agents, a list has.
struct Listing {
  std::string state;        // one that docs/http-api.md names; "" = any
  std::string ip;           // an IP literal; "" = any
  std::size_t limit = 100;  // 1 to 10000
  bool full = false;        // jobs: with param and worker_message
};

// Implemented by app/. Called on the HTTP thread. What it throws is answered 500.
class AdminView {
 public:
  virtual ~AdminView() = default;
  // POST /api/v1/jobs: `body` as the client sent it. `wait`: respond when the job has ended (200), else once
  // the journal has it (202 {"log_id": "...", "state": "received"}). A rejected job is 400; an overloaded
  // scheduler, or one whose journal does not take the job, is 503; both
  // {"error": "[403.1]...", "code": "403.1"}. Who waits may be told before which job it is (kBegun), if only
  // 200 can come after that.
  virtual void submit(std::string body, bool wait, Caller caller, Respond respond) = 0;
  // GET /api/v1/jobs/{log_id}: 200, or 404; 503 when the journal cannot be read. `log_id` is any text without
  // '/'.
  virtual void job(std::string log_id, Respond respond) = 0;
  // GET /api/v1/jobs: {"jobs": [...], "cut": false}, newest first; cut: there are more.
  virtual void jobs(Listing listing, Respond respond) = 0;
  // GET /api/v1/agents: what is known of agents, and how far ZooKeeper's part can be relied upon.
  virtual void agents(Listing listing, Respond respond) = 0;
  // GET /api/v1/nodes: the schedulers registered in ZooKeeper, and how far that can be relied upon.
  virtual void nodes(Respond respond) = 0;
  // GET /healthz: 200 when jobs are taken, 503 when not (draining, broker away), with what is wrong:
  // {"status": "ok"|"degraded"|"draining", ...}.
  virtual void health(Respond respond) = 0;
  // GET /metrics: 200, Prometheus text.
  virtual void metrics(Respond respond) = 0;
};

}  // namespace elves::admin
