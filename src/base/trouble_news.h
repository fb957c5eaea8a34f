// Saying that something is wrong, and that it is well again, without saying it twice a second.
#pragma once

#include <optional>

#include "base/clock.h"

namespace elves {

// For a state that may alternate, as on a disk that is full for some writes and not for others: trouble is
// told at most once in `pause`, at the first look after it if it lasts, and its end at once. Not thread-safe.
class TroubleNews {
 public:
  explicit TroubleNews(Millis pause = Seconds(10)) : pause_(pause) {}

  // Whether it is to be told now that there is trouble, or none.
  bool tell(bool trouble, SteadyTime now) {
    if (trouble == told_ || (trouble && last_ && now < *last_ + pause_)) return false;
    told_ = trouble;
    if (trouble) last_ = now;
    return true;
  }

 private:
  Millis pause_;
  bool told_ = false;
  std::optional<SteadyTime> last_;  // trouble was told
};

}  // namespace elves
