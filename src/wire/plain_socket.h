// A connected TCP socket without TLS, and how the loop hears of it. Asio asks the system anew for every wait;
// here one system call tells of all sockets on which something has happened.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace elves::wire {

class Readiness;

// Loop thread only. The first one of a loop throws boost::system::system_error when the process is out of
// file descriptors.
class PlainSocket {
 public:
  using Handler = std::function<void()>;

  explicit PlainSocket(boost::asio::io_context& loop);
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;
  // Closes; a handler that waits is dropped, as all are with the loop.
  ~PlainSocket();

  // Takes over `descriptor`, which is connected, instead of what it had. On an error it is closed.
  boost::system::error_code adopt(int descriptor);
  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  // A handler that waits is called soon; it finds fault().
  void close();

  // What the system takes at once, or has of what the loop has noticed: so many bytes, 0 when it would have
  // to wait, and at the end or after any other fault, which fault() names then.
  std::size_t write_some_now(std::string_view bytes);
  std::size_t read_some_now(std::span<char> into);
  const boost::system::error_code& fault() const { return fault_; }

  // Calls `handler` once, from the loop, when reading or writing is worth another try. One handler at a time.
  void when_readable(Handler handler) { wait(Want::read, std::move(handler)); }
  void when_writable(Handler handler) { wait(Want::write, std::move(handler)); }

  // Whether there is something to read, be it the end, as of when the loop last looked.
  bool has_something() const { return unread_ || ending_; }

 private:
  friend class Readiness;
  enum class Want : std::uint8_t { nothing, read, write };

  void wait(Want want, Handler handler);
  void on_events(std::uint32_t events);
  bool is_ready(Want want) const;
  void call_soon();

  boost::asio::io_context& loop_;
  Readiness& readiness_;
  int descriptor_ = -1;
  bool unread_ = false;  // there may be more to read than was read
  bool ending_ = false;  // the peer sends no more
  bool broken_ = false;  // neither does it receive
  Want want_ = Want::nothing;
  Handler handler_;
  boost::system::error_code fault_ = boost::asio::error::operation_aborted;
};

// Whether there is something to read on a socket, be it the end or another fault, as of now: a system call.
bool something_at(int descriptor);

}  // namespace elves::wire
