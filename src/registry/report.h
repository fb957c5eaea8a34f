// One thing that may be well or not, told to people when that changes and not each time it is tried.
#pragma once

#include <string>
#include <utility>

#include "base/log.h"

namespace elves::registry {

// Not thread-safe.
class Report {
 public:
  // `what` begins every line: "ZooKeeper 10.0.0.1:2181".
  explicit Report(std::string what) : what_(std::move(what)) {}

  // True when that was not known.
  bool trouble(const std::string& why) {
    if (why == why_) return false;
    why_ = why;
    log::warn("{}: {}", what_, why_);
    return true;
  }
  void fine(const std::string& how) {
    if (std::exchange(why_, "").empty()) return;
    log::info("{}: {}", what_, how);
  }
  // "" while all is well.
  const std::string& why() const { return why_; }

 private:
  std::string what_;
  std::string why_;
};

}  // namespace elves::registry
