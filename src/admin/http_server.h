// The HTTP job API: asynchronous, on a thread and an io_context of its own, so that a hundred clients waiting
// for jobs delay neither /healthz nor dispatching. Routes, statuses and limits: docs/http-api.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "admin/admin_view.h"
#include "admin/guard.h"
#include "base/door.h"
#include "base/tcp_liveness.h"
#include "tls/credentials.h"

namespace elves::admin {

struct HttpOptions {
  std::string host = "127.0.0.1";        // an IP literal
  unsigned short port = 10180;           // 0 = any free
  Tokens tokens;                         // one is asked of every request but /healthz; without any, only
                                         // requests to localhost or an IP literal are answered
  tls::CredentialsPtr credentials;       // a server's: HTTPS only; null = HTTP only
  std::size_t max_body = 8u << 20;       // bytes; larger: 413
  std::uint32_t max_header = 16u << 10;  // bytes of request line and header fields; larger: 431
  std::size_t max_unsent =
      256u << 20;  // bytes of answers that clients have not taken; a long one beyond: 503
  std::chrono::seconds header_time{10};  // for a request to arrive whole, body included, for a new connection
                                         // to begin one, and for a TLS handshake; slower: closed
  std::chrono::seconds idle{60};         // between requests of one connection, and to take an answer
  TcpLiveness liveness{};                // of a client that waits for its job
};

// Any thread. The view and the door must outlive the server.
class HttpServer {
 public:
  // Binds at once (throws boost::system::system_error) and starts serving. Who gets no place from `door`,
  // which belongs to the HTTP thread from now on, is answered 503 and closed.
  HttpServer(const HttpOptions& options, Door& door, AdminView& view);
  // Closes every connection, whether or not it has been answered, and joins the thread.
  ~HttpServer();
  unsigned short port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace elves::admin
