// For the tests of src/wire: a loop driven by hand together with its Timers, and plain sockets as foreign
// peers.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/timers.h"

namespace elves::wire::test {

class Loop {
 public:
  // Runs until `done()`; fails the test when it does not come true in time.
  void until(const std::function<bool()>& done, const char* what) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < give_up) {
      io.restart();
      io.run_one_for(Millis(5));
      timers.run_due(std::chrono::steady_clock::now());
    }
    EXPECT_TRUE(done()) << what;
  }

  template <class T>
  Result<T> run(boost::asio::awaitable<Result<T>> task) {
    std::optional<Result<T>> outcome;
    boost::asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& thrown, Result<T> result) {
      if (thrown) std::rethrow_exception(thrown);
      outcome = std::move(result);
    });
    until([&] { return outcome.has_value(); }, "the task ends");
    return outcome ? *outcome : Result<T>(Error{ErrorCode::internal, "it never ended"});
  }

  static Deadline in(Millis wait) { return Deadline(std::chrono::steady_clock::now() + wait); }

  boost::asio::io_context io;
  Timers timers;
};

// A foreign peer: a plain socket that never blocks.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) { ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK); }
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), got_(std::move(other.got_)) {}
  Peer& operator=(Peer&&) = delete;
  ~Peer() { close(); }

  static int unconnected() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
  static void connect(int fd, unsigned short port) {
    const boost::asio::ip::tcp::endpoint to(boost::asio::ip::address_v4::loopback(), port);
    EXPECT_EQ(::connect(fd, to.data(), static_cast<socklen_t>(to.size())), 0);
  }
  static Peer to(unsigned short port) {
    const int fd = unconnected();
    connect(fd, port);
    return Peer(fd);
  }

  // What fits into the socket's buffers: answers how much that was.
  std::size_t send(std::string_view bytes) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  // All that has come so far.
  const std::string& got() {
    char chunk[65536];
    ssize_t n = 0;
    while ((n = ::recv(fd_, chunk, sizeof chunk, 0)) > 0) got_.append(chunk, static_cast<std::size_t>(n));
    closed_ = closed_ || n == 0 || errno != EAGAIN;
    return got_;
  }
  bool closed_by_server() { return got(), closed_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  bool closed_ = false;
  std::string got_;
};

}  // namespace elves::wire::test
