// A queue into a thread that waits in poll(): producers push values, the owner takes all that has queued up.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstddef>
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

  void push(T value) { put(std::move(value), true); }

  // For what is in no hurry: as push(), but an owner whose last take() gave something is not woken. It is to
  // look again by itself.
  void leave(T value) { put(std::move(value), false); }

  // Becomes readable when there is something to take that was not left.
  int fd() const { return fd_; }

  // Hands all values since the last take, oldest first, to `use(T&)`. Answers how many there were.
  template <class Use>
  std::size_t take(Use use) {
    {
      std::lock_guard lock(mutex_);
      if (wakes_ > 0) read_wakes();
      woken_ = false;
      looks_again_ = !values_.empty();
      values_.swap(taken_);
    }
    for (T& value : taken_) use(value);
    const std::size_t count = taken_.size();
    taken_.clear();
    if (taken_.capacity() > kKept) taken_.shrink_to_fit();
    return count;
  }

 private:
  static constexpr std::size_t kKept = 8192;

  void put(T value, bool hurry) {
    bool sleeps;
    {
      std::lock_guard lock(mutex_);
      values_.push_back(std::move(value));
      sleeps = (hurry || !looks_again_) && !std::exchange(woken_, true);
      if (sleeps) ++wakes_;
    }
    if (sleeps) wake();
  }
  // Under the mutex, so that the wakes read are for values that are there. A producer wakes after it has let
  // go of the mutex: its wake may still be to come.
  void read_wakes() {
    std::uint64_t come = 0;
    if (::read(fd_, &come, sizeof come) == sizeof come) wakes_ -= come;
  }
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(fd_, &one, sizeof one);
  }

  const int fd_;
  std::mutex mutex_;
  std::vector<T> values_;
  std::vector<T> taken_;     // the owner's; its memory is that of the next values
  std::uint64_t wakes_ = 0;  // given or about to be, and not read yet: without them reading would be in vain
  bool woken_ = false;
  bool looks_again_ = false;
};

}  // namespace elves
