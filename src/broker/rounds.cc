#include "broker/rounds.h"

#include <algorithm>
#include <utility>

namespace elves::broker {

const HostPort& Rounds::next() {
  if (over()) {
    tried_ = 0;
    shuffle_rest();
  }
  return nodes_[tried_++];
}

void Rounds::begin_anew() {
  std::swap(nodes_.front(), nodes_[tried_ - 1]);
  tried_ = 1;
  shuffle_rest();
}

void Rounds::shuffle_rest() {
  std::shuffle(nodes_.begin() + static_cast<std::ptrdiff_t>(tried_), nodes_.end(), random_);
}

}  // namespace elves::broker
