// Saying that something is wrong, and that it is well again, without saying it twice a second.
#pragma once

#include <optional>

#include "base/clock.h"

namespace elves {

// For a state that may alternate, as on a disk that is full for some writes and not for others. The first
// trouble is told at once, each further change at the first look after `pause`, if it lasts. Not thread-safe.
class TroubleNews {
 public:
  explicit TroubleNews(Millis pause = Seconds(10)) : pause_(pause) {}

  // Whether it is to be told now that there is trouble, or none.
  bool tell(bool trouble, SteadyTime now) {
    if (trouble == told_ || (last_ && now < *last_ + pause_)) return false;
    told_ = trouble;
    last_ = now;
    return true;
  }

 private:
  Millis pause_;
  bool told_ = false;
  std::optional<SteadyTime> last_;
};

}  // namespace elves
