#include "admin/http_server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <thread>
#include <utility>

#include "admin/connection.h"
#include "base/log.h"
#include "base/peer_address.h"

namespace elves::admin {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

constexpr std::size_t kRefusals = 100;                  // told 503 at a time; further ones are just closed
constexpr std::chrono::milliseconds kAcceptPause{100};  // after accept failed, e.g. without file descriptors

tcp::acceptor bind(net::io_context& context, const HttpOptions& options) {
  return tcp::acceptor(context, tcp::endpoint(net::ip::make_address(options.host), options.port));
}

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& options, Door& entrance, AdminView& view)
      : shared(std::make_shared<Shared>(options, entrance, view)),
        acceptor(bind(shared->context, options)),
        port(acceptor.local_endpoint().port()),
        pause(shared->context) {}

  net::awaitable<void> accept() {
    while (acceptor.is_open()) {
      error_code fault;
      auto socket = co_await acceptor.async_accept(net::redirect_error(net::use_awaitable, fault));
      if (!fault) {
        admit(std::move(socket));
      } else if (acceptor.is_open()) {
        log::warn("http: cannot accept: {}", fault.message());
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(net::redirect_error(net::use_awaitable, fault));
      }
    }
  }

  void admit(tcp::socket socket) {
    auto place = shared->door.enter(address_of(socket));
    if (!place && refusals >= kRefusals) return;
    const auto at = connections.emplace(connections.end());
    if (place) {
      *at = serve(shared, std::move(socket), [this, at, place = std::move(place)] { connections.erase(at); });
      return;
    }
    ++refusals;
    *at = refuse(shared, std::move(socket), [this, at] {
      --refusals;
      connections.erase(at);
    });
  }

  void stop() {
    acceptor.close();
    pause.cancel();
    for (const auto& connection : connections) connection->close();
  }

  std::shared_ptr<Shared> shared;
  tcp::acceptor acceptor;
  const unsigned short port;
  net::steady_timer pause;
  // HTTP thread:
  std::list<std::shared_ptr<Connection>> connections;
  std::size_t refusals = 0;  // of them
  std::thread thread;
};

HttpServer::HttpServer(const HttpOptions& options, Door& door, AdminView& view)
    : impl_(std::make_unique<Impl>(options, door, view)) {
  net::co_spawn(impl_->shared->context, impl_->accept(), net::detached);
  impl_->thread = std::thread([shared = impl_->shared] { shared->context.run(); });
}

HttpServer::~HttpServer() {
  net::post(impl_->shared->context, [this] { impl_->stop(); });
  impl_->thread.join();
}

unsigned short HttpServer::port() const { return impl_->port; }

}  // namespace elves::admin
