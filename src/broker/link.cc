#include "broker/link.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"

namespace elves::broker {
namespace {

// What a stopping thread gets to say its last words before its socket is shut down.
constexpr Millis kLastWords{400};

}  // namespace

Link::Link(std::string name, BrokerOptions options, MetricsSink& metrics)
    : name_(std::move(name)), options_(std::move(options)), metrics_(metrics) {}

std::string Link::trouble() const {
  std::lock_guard lock(trouble_mutex_);
  return trouble_;
}

void Link::start_thread() {
  thread_ = std::thread([this] { thread_main(); });
}

void Link::request_stop() {
  stopping_ = true;
  wake();
}

void Link::stop_thread() {
  request_stop();
  if (!thread_.joinable()) return;
  const auto patience = std::chrono::steady_clock::now() + kLastWords;
  while (!ended_ && std::chrono::steady_clock::now() < patience) ::poll(nullptr, 0, 5);
  {
    std::lock_guard lock(socket_mutex_);
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }
  thread_.join();
}

void Link::use_socket(int fd) {
  std::lock_guard lock(socket_mutex_);
  socket_ = fd;
}

void Link::thread_main() {
  while (!stopping_) {
    try {
      serve_one_connection();
    } catch (const BrokerError& error) {
      if (error.cause() == BrokerError::Cause::tls) metrics_.count(Event::tls_refused);
      announce_lost(error.what());
    }
    if (!stopping_) pause(backoff_.next());
  }
  connected_ = false;
  ended_ = true;
}

void Link::serve_one_connection() {
  Connection connection(options_, [this](int fd) { use_socket(fd); });
  const bool peers = declare_topology(connection, options_);
  try {
    session(connection, peers);
  } catch (const BrokerError& error) {
    on_lost(error);
    throw;
  }
}

void Link::announce_connected() {
  {
    std::lock_guard lock(trouble_mutex_);
    trouble_.clear();
  }
  connected_ = true;
  metrics_.count(Event::broker_connected);
  log::info("{}: connected to the broker at {}:{}{}", name_, options_.host, options_.port,
            options_.tls ? " over TLS" : "");
}

void Link::announce_useful() {
  told_ = false;
  backoff_.reset();
}

void Link::announce_lost(const std::string& why) {
  troubled_ = true;
  {
    std::lock_guard lock(trouble_mutex_);
    trouble_ = why;
  }
  if (connected_.exchange(false)) metrics_.count(Event::broker_lost);
  if (!std::exchange(told_, true)) log::warn("{}: {}; trying again until it works", name_, why);
}

void Link::wait(const Connection& connection, Millis most) const {
  if (connection.has_buffered()) return;
  std::array<pollfd, 2> fds{{{connection.fd(), POLLIN, 0}, {wake_fd(), POLLIN, 0}}};
  ::poll(fds.data(), fds.size(), static_cast<int>(most.count()));
}

void Link::pause(Millis wait) const {
  // Values may keep arriving in the mailbox meanwhile: only stopping ends the pause early.
  const auto end = std::chrono::steady_clock::now() + wait;
  while (!stopping_ && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 20);
}

}  // namespace elves::broker
