#include "base/side_thread.h"

#include <utility>

namespace elves {

SideThread::SideThread() : thread_([shared = shared_] { serve(*shared); }) {}

void SideThread::serve(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (true) {
    shared.changed.wait(lock, [&] { return shared.finishing || !shared.jobs.empty(); });
    if (shared.jobs.empty()) break;
    {
      const auto job = std::move(shared.jobs.front());
      shared.jobs.pop_front();
      lock.unlock();
      job();
    }  // what the job holds may block when it goes, too
    lock.lock();
  }
  shared.ended = true;
  shared.changed.notify_all();
}

void SideThread::run(std::function<void()> job) {
  std::lock_guard lock(shared_->mutex);
  if (shared_->finishing) return;
  shared_->jobs.push_back(std::move(job));
  shared_->changed.notify_all();
}

bool SideThread::finish(Millis patience) {
  if (!thread_.joinable()) return true;
  bool ended;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->finishing = true;
    shared_->changed.notify_all();
    ended = shared_->changed.wait_for(lock, patience, [this] { return shared_->ended; });
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ended;
}

}  // namespace elves
