// A queue into a thread that waits in poll(): producers push values, the owner takes all that has queued up.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace elves {

// push() from any thread; fd() and take() from the owning thread. Unbounded by itself: what goes in is
// bounded by the job limits.
template <class T>
class Mailbox {
 public:
  // Throws std::system_error when the process is out of file descriptors.
  Mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { ::close(fd_); }

  void push(T value) {
    bool was_empty;
    {
      std::lock_guard lock(mutex_);
      was_empty = values_.empty();
      values_.push_back(std::move(value));
    }
    if (was_empty) wake();
  }

  // Becomes readable when there is something to take.
  int fd() const { return fd_; }

  // All values since the last take, oldest first; empty when there are none.
  std::vector<T> take() {
    std::uint64_t ignored;
    [[maybe_unused]] auto n = ::read(fd_, &ignored, sizeof ignored);
    std::lock_guard lock(mutex_);
    return std::exchange(values_, {});
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(fd_, &one, sizeof one);
  }

  const int fd_;
  std::mutex mutex_;
  std::vector<T> values_;
};

}  // namespace elves
