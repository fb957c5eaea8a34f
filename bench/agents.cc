#include "agents.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "thrift_answers.h"

namespace elves::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr wire::MessageScanner::Limits kLimits{std::size_t{256} << 20, 16};
constexpr std::size_t kReads = 1 << 16;

int checked(int answer, const char* what) {
  if (answer < 0) throw std::system_error(errno, std::generic_category(), what);
  return answer;
}

sockaddr_in address(std::uint32_t host, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(host);
  return to;
}

void set(int fd, int level, int option) {
  const int on = 1;
  checked(::setsockopt(fd, level, option, &on, sizeof on), "setsockopt");
}

// Every address of 127.0.0.0/8, and nobody beyond this machine.
int listen_on_loopback(std::uint16_t port) {
  const int fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  set(fd, SOL_SOCKET, SO_REUSEADDR);
  checked(::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), "binding to the loopback device");
  const auto everywhere = address(INADDR_ANY, port);
  checked(::bind(fd, reinterpret_cast<const sockaddr*>(&everywhere), sizeof everywhere), "bind");
  checked(::listen(fd, 4096), "listen");
  return fd;
}

}  // namespace

Agents::Agents(AgentsOptions options)
    : options_(options),
      result_(options.result, 'r'),
      listener_(listen_on_loopback(options.port)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll")) {
  epoll_event event{EPOLLIN, {.u64 = 0}};
  checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event), "epoll");
}

Agents::~Agents() {
  for (const auto& [id, peer] : peers_) ::close(peer->fd);
  ::close(epoll_);
  ::close(listener_);
}

void Agents::run() {
  for (;;) {
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait_ms());
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == 0) {
        accept_all();
        continue;
      }
      const auto at = peers_.find(events[i].data.u64);
      if (at != peers_.end()) serve(*at->second, events[i].events);
    }
    answer_due();
    report_some();
  }
}

int Agents::wait_ms() const {
  if (waiting_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(waiting_.front().due - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Agents::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set(fd, IPPROTO_TCP, TCP_NODELAY);
    add(fd, false);
  }
}

Agents::Peer& Agents::add(int fd, bool reporter) {
  const auto id = ++ids_;
  auto peer = std::make_unique<Peer>(
      Peer{fd, id, reporter, false, wire::Inbox(kLimits, wire::Inbox::Framing::none), {}});
  Peer& added = *peers_.emplace(id, std::move(peer)).first->second;
  watch(added, EPOLL_CTL_ADD);
  return added;
}

void Agents::watch(Peer& peer, int operation) {
  const std::uint32_t events = EPOLLIN | (peer.writing ? EPOLLOUT : 0U);
  epoll_event event{events, {.u64 = peer.id}};
  checked(::epoll_ctl(epoll_, operation, peer.fd, &event), "epoll");
}

void Agents::close(Peer& peer) {
  ::close(peer.fd);
  if (peer.reporter) --reporters_;
  peers_.erase(peer.id);
}

void Agents::serve(Peer& peer, std::uint32_t events) {
  if (events & EPOLLOUT) {
    const std::string rest = std::exchange(peer.unsent, {});
    write_to(peer, rest);
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_from(peer);
}

void Agents::read_from(Peer& peer) {
  for (std::size_t total = 0; total < kReads;) {
    const auto space = peer.inbox.space();
    const auto got = ::recv(peer.fd, space.data(), space.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return close(peer);
    peer.inbox.commit(static_cast<std::size_t>(got));
    total += static_cast<std::size_t>(got);
    while (peer.inbox.scan() == wire::Inbox::Verdict::whole) handle(peer, peer.inbox.take());
    if (static_cast<std::size_t>(got) < space.size()) return;
  }
}

void Agents::handle(Peer& peer, const std::string& message) {
  if (peer.reporter) return idle_reporters_.push_back(peer.id);
  const auto call = read_call(message);
  if (!call) return;
  std::string answer = write_answer(*call, result_);
  if (!call->synchronous && options_.scheduler_port != 0) {
    for (const auto instruction : call->instructions)
      results_.push_back(write_data_transport(instruction, result_));
  }
  if (!call->synchronous || options_.delay.count() == 0) return write_to(peer, answer);
  waiting_.push_back({Clock::now() + options_.delay, peer.id, std::move(answer)});
}

// What the socket does not take at once waits for it.
void Agents::write_to(Peer& peer, std::string_view bytes) {
  if (peer.unsent.empty()) {
    const auto sent = ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  peer.unsent += bytes;
  if (std::exchange(peer.writing, !peer.unsent.empty()) != peer.writing) watch(peer, EPOLL_CTL_MOD);
}

void Agents::answer_due() {
  const auto now = Clock::now();
  while (!waiting_.empty() && waiting_.front().due <= now) {
    const Answer answer = std::move(waiting_.front());
    waiting_.pop_front();
    const auto at = peers_.find(answer.peer);
    if (at != peers_.end()) write_to(*at->second, answer.bytes);
  }
}

void Agents::report_some() {
  while (!results_.empty()) {
    if (idle_reporters_.empty() && (reporters_ == options_.reporters || !connect_reporter())) return;
    const auto at = peers_.find(idle_reporters_.back());
    idle_reporters_.pop_back();
    if (at == peers_.end()) continue;
    write_to(*at->second, results_.front());
    results_.pop_front();
  }
}

bool Agents::connect_reporter() {
  const int fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const auto to = address(INADDR_LOOPBACK, options_.scheduler_port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(fd);
    return false;
  }
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  ++reporters_;
  idle_reporters_.push_back(add(fd, true).id);
  return true;
}

}  // namespace elves::bench
