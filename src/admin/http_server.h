// The HTTP job API: asynchronous, on a thread and an io_context of its own, so that a hundred clients waiting for
// jobs delay neither /healthz nor dispatching. Routes, statuses and limits: docs/http-api.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "admin/admin_view.h"

namespace elves::admin {

struct HttpOptions {
  std::string host = "127.0.0.1";
  unsigned short port = 10180;                 // 0 = any free
  std::string token;                           // "" = none asked; else "Authorization: Bearer <token>" on all but /healthz
  std::size_t max_body = 8 * 1024 * 1024;      // larger: 413
  std::size_t max_connections = 1000;          // further ones: 503 and close
  std::chrono::seconds header_time{10};        // for a request to arrive whole
  std::chrono::seconds idle{60};               // between requests of one connection
};

// Any thread. The view must outlive the server.
class HttpServer {
 public:
  // Binds at once (throws boost::system::system_error) and starts serving.
  HttpServer(const HttpOptions& options, AdminView& view);
  // Closes every connection and joins the thread.
  ~HttpServer();
  unsigned short port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace elves::admin
