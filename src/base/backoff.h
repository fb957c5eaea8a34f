// How long to wait before the next attempt: exponential with full jitter, forever.
#pragma once

#include <algorithm>
#include <random>

#include "base/clock.h"

namespace elves {

// Somewhere between 10 ms and `ceiling`.
inline Millis jittered(Millis ceiling, std::minstd_rand& random) {
  std::uniform_int_distribution<Millis::rep> spread(10, std::max<Millis::rep>(10, ceiling.count()));
  return Millis(spread(random));
}

// Not thread-safe.
class Backoff {
 public:
  Backoff(Millis first, Millis most) : first_(first), most_(most), ceiling_(first) {}

  // Jittered, under a ceiling that doubles from `first` to `most`.
  Millis next() {
    const Millis ceiling = ceiling_;
    ceiling_ = std::min(ceiling_ * 2, most_);
    return jittered(ceiling, random_);
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
