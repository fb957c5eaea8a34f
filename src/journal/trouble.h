// Why something cannot be done at the moment.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "base/trouble_news.h"

namespace elves::journal {

// Written by one thread, read by any.
class Trouble {
 public:
  // "" = it can be done.
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  // Whether that is to be told: base/trouble_news.h.
  bool set(const std::string& why) {
    const std::lock_guard lock(mutex_);
    why_ = why;
    return news_.tell(!why.empty(), std::chrono::steady_clock::now());
  }

 private:
  mutable std::mutex mutex_;
  std::string why_;
  TroubleNews news_;
};

}  // namespace elves::journal
