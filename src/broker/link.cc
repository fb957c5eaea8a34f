#include "broker/link.h"

#include <poll.h>

#include <array>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"

namespace elves::broker {

Link::Link(std::string name, BrokerOptions options, MetricsSink& metrics)
    : name_(std::move(name)), options_(std::move(options)), metrics_(metrics) {}

std::string Link::trouble() const {
  std::lock_guard lock(trouble_mutex_);
  return trouble_;
}

void Link::start_thread() {
  thread_ = std::thread([this] { thread_main(); });
}

void Link::stop_thread() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
}

void Link::thread_main() {
  while (!stopping_) {
    try {
      Connection connection(options_);
      declare_topology(connection, options_);
      session(connection);
    } catch (const BrokerError& error) {
      announce_lost(error.what());
    }
    if (!stopping_) pause(backoff_.next());
  }
  connected_ = false;
}

void Link::announce_connected() {
  {
    std::lock_guard lock(trouble_mutex_);
    trouble_.clear();
  }
  connected_ = true;
  told_ = false;
  backoff_.reset();
  metrics_.count(Event::broker_connected);
  log::info("{}: connected to the broker at {}:{}", name_, options_.host, options_.port);
}

void Link::announce_lost(const std::string& why) {
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
