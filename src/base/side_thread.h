// A thread for what may take long: calls that block, work as large as the data.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace elves {

// Jobs run one after the other, in the order they came.
class SideThread {
 public:
  SideThread();
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;
  ~SideThread() { finish(Millis(0)); }

  // Any thread. Ignored after finish().
  void run(std::function<void()> job);
  // Waits until every job has run, at most so long. A thread that is still busy then is left to itself: what
  // its jobs use must be theirs. True when all have run. Calls after the first do nothing.
  bool finish(Millis patience);

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool finishing = false;
    bool ended = false;
  };
  static void serve(Shared& shared);

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

}  // namespace elves
