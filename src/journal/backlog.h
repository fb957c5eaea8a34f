// How much history waits for the journal's thread, and what becomes of what is too much: a disk that does not
// keep up costs the history its texts, then its entries, but neither the jobs nor the process's memory.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/rarely.h"
#include "dispatch/ports.h"

namespace elves::journal {

class Backlog {
 public:
  // `most`: bytes that may wait. What is lost is counted in `metrics`, if there are any.
  Backlog(std::size_t most, MetricsSink* metrics) : most_(most), metrics_(metrics) {}

  // Loop thread: whether a record that is only history may wait too. With `most` bytes there it is left
  // without its texts, with twice as many it is refused.
  bool admit(JobRecord& record);
  // The same: what was admitted takes so much.
  void add(std::size_t bytes) { waiting_ += bytes; }

  // The journal's thread: it has taken so many of the bytes admitted, and holds so many in all.
  void took(std::size_t taken, std::size_t held);

 private:
  const std::size_t most_;
  MetricsSink* const metrics_;
  std::atomic<std::size_t> waiting_ = 0;
  std::size_t held_ = 0;  // of that; the journal's thread only

  // Loop thread only.
  Rarely shortened_;
  Rarely refused_;
};

}  // namespace elves::journal
