// How long to wait before the next attempt: exponential with full jitter, forever.
#pragma once

#include <algorithm>
#include <random>

#include "base/clock.h"

namespace elves {

// Not thread-safe.
class Backoff {
 public:
  Backoff(Millis first, Millis most) : first_(first), most_(most), ceiling_(first) {}

  // Somewhere between 10 ms and a ceiling that doubles from `first` to `most`.
  Millis next() {
    std::uniform_int_distribution<Millis::rep> spread(10, std::max<Millis::rep>(10, ceiling_.count()));
    ceiling_ = std::min(ceiling_ * 2, most_);
    return Millis(spread(random_));
  }
  // The last attempt succeeded.
  void reset() { ceiling_ = first_; }

 private:
  Millis first_;
  Millis most_;
  Millis ceiling_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace elves
