// One client of the HTTP server. HTTP thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "admin/admin_view.h"
#include "admin/http_server.h"

namespace elves::admin {

// What the connections of one server share; they keep it alive, and so do answers still to come.
struct Shared {
  Shared(HttpOptions o, Door& d, AdminView& v) : options(std::move(o)), door(d), view(v) {}
  boost::asio::io_context context{1};
  const HttpOptions options;
  Door& door;
  AdminView& view;
  std::size_t unsent = 0;  // bytes of answers that clients have not taken yet; HTTP thread only
};

class Connection {
 public:
  virtual ~Connection() = default;
  // Ends it soon, whatever it is doing.
  virtual void close() = 0;
};

// Serves `socket` until either side ends it, then calls `ended`; never inside this call.
std::shared_ptr<Connection> serve(const std::shared_ptr<Shared>& shared, boost::asio::ip::tcp::socket socket,
                                  std::function<void()> ended);
// Answers 503 to whatever it asks and closes.
std::shared_ptr<Connection> refuse(const std::shared_ptr<Shared>& shared, boost::asio::ip::tcp::socket socket,
                                   std::function<void()> ended);

}  // namespace elves::admin
