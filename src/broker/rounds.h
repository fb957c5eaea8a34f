// In which order the nodes of a broker are tried.
#pragma once

#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include "base/host_port.h"

namespace elves::broker {

// Each node once in a round, in an order of its own, so that many schedulers do not all ask the same one
// first. Not thread-safe.
class Rounds {
 public:
  // At least one node.
  explicit Rounds(std::vector<HostPort> nodes) : nodes_(std::move(nodes)), tried_(nodes_.size()) {}

  // Whose turn it is; behind the last one a new round begins.
  const HostPort& next();
  // Whether each had its turn in this round.
  bool over() const { return tried_ == nodes_.size(); }
  // Begins a new round, in which the one that next() gave last has had its turn.
  void begin_anew();

 private:
  void shuffle_rest();

  std::vector<HostPort> nodes_;  // those that had their turn first
  std::size_t tried_;            // so many of them
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace elves::broker
