#include "wire/plain_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <unordered_set>
#include <utility>
#include <vector>

namespace elves::wire {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool would_wait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

error_code last_error() { return {errno, boost::system::system_category()}; }

int new_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw boost::system::system_error(last_error(), "epoll_create1");
  return set;
}

}  // namespace

// An epoll set within that of Asio, one for each loop: boost::asio::use_service<Readiness>(loop). A socket
// is put in it once, for as long as it is open, and told of each change (edge-triggered). Without sockets it
// keeps no loop running. Loop thread only.
class Readiness final : public boost::asio::execution_context::service {
 public:
  using key_type = Readiness;
  static boost::asio::execution_context::id id;

  explicit Readiness(boost::asio::execution_context& loop);

  // `socket` has a descriptor now; it is told until it closes that, and then says forget().
  boost::system::error_code watch(PlainSocket& socket);
  void forget(PlainSocket& socket);

 private:
  // What waits is dropped with the loop.
  void shutdown() override;
  void wait();
  void tell();

  boost::asio::posix::stream_descriptor set_;
  std::unordered_set<PlainSocket*> sockets_;
  bool waiting_ = false;
  std::array<epoll_event, 128> events_{};
  std::size_t next_ = 0;  // of the events that are being told of
  std::size_t end_ = 0;
};

asio::execution_context::id Readiness::id;

Readiness::Readiness(asio::execution_context& loop)
    : service(loop), set_(static_cast<asio::io_context&>(loop), new_set()) {}

error_code Readiness::watch(PlainSocket& socket) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &socket;
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, socket.descriptor_, &event) != 0) return last_error();
  sockets_.insert(&socket);
  wait();
  return {};
}

// Closing takes it out of the set, but not from among the events that were taken from it before.
void Readiness::forget(PlainSocket& socket) {
  sockets_.erase(&socket);
  if (sockets_.empty()) set_.cancel();
  for (std::size_t i = next_; i < end_; ++i) {
    if (events_[i].data.ptr == &socket) events_[i].data.ptr = nullptr;
  }
}

// A handler may own its socket, which then says forget().
void Readiness::shutdown() {
  std::vector<PlainSocket::Handler> dropped;
  for (PlainSocket* const socket : sockets_) dropped.push_back(std::exchange(socket->handler_, nullptr));
}

void Readiness::wait() {
  if (std::exchange(waiting_, true)) return;
  set_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code fault) {
    waiting_ = false;
    if (!fault) tell();
    if (!sockets_.empty()) wait();
  });
}

void Readiness::tell() {
  const int count = ::epoll_wait(set_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  for (next_ = 0; next_ < end_;) {
    const epoll_event& event = events_[next_++];
    if (event.data.ptr != nullptr) static_cast<PlainSocket*>(event.data.ptr)->on_events(event.events);
  }
  next_ = end_ = 0;
}

PlainSocket::PlainSocket(asio::io_context& loop)
    : loop_(loop), readiness_(asio::use_service<Readiness>(loop)) {}

PlainSocket::~PlainSocket() {
  handler_ = nullptr;
  close();
}

error_code PlainSocket::adopt(int descriptor) {
  close();
  descriptor_ = descriptor;
  unread_ = ending_ = broken_ = false;
  fault_ = {};
  if (const error_code failed = readiness_.watch(*this)) {
    close();
    return failed;
  }
  return {};
}

void PlainSocket::close() {
  if (!is_open()) return;
  readiness_.forget(*this);
  ::close(std::exchange(descriptor_, -1));
  fault_ = asio::error::operation_aborted;
  if (handler_) call_soon();
}

std::size_t PlainSocket::write_some_now(std::string_view bytes) {
  if (!is_open()) return 0;
  const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && !would_wait()) fault_ = last_error();
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::size_t PlainSocket::read_some_now(std::span<char> into) {
  if (!is_open() || !has_something()) return 0;
  const auto count = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
  unread_ = count == static_cast<ssize_t>(into.size());
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0) fault_ = asio::error::eof;
  if (count < 0 && !would_wait()) fault_ = last_error();
  return 0;
}

void PlainSocket::wait(Want want, Handler handler) {
  want_ = want;
  handler_ = std::move(handler);
  if (is_ready(want)) call_soon();
}

bool PlainSocket::is_ready(Want want) const {
  return fault_ || (want == Want::read ? has_something() : broken_);
}

void PlainSocket::call_soon() {
  asio::post(loop_, [handler = std::exchange(handler_, nullptr)] { handler(); });
}

// A handler may destroy this.
void PlainSocket::on_events(std::uint32_t events) {
  unread_ = unread_ || (events & EPOLLIN) != 0;
  ending_ = ending_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  broken_ = broken_ || (events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool writable = want_ == Want::write && (events & EPOLLOUT) != 0;
  if (!handler_ || !(writable || is_ready(want_))) return;
  std::exchange(handler_, nullptr)();
}

bool something_at(int descriptor) {
  char byte = 0;
  return ::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || !would_wait();
}

}  // namespace elves::wire
