// Why something cannot be done at the moment.
#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace elves::journal {

// Written by one thread, read by any.
class Trouble {
 public:
  // "" = it can be done.
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  // Whether it is another than before.
  bool set(const std::string& why) {
    const std::lock_guard lock(mutex_);
    return std::exchange(why_, why) != why;
  }

 private:
  mutable std::mutex mutex_;
  std::string why_;
};

}  // namespace elves::journal
