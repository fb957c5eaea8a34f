// What both files of the journal take and hand out.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

#include "dispatch/ports.h"

namespace elves::journal {

// A record as it is written: its job and outcome are needed no more.
struct Entry {
  LogId id;
  JobState state = JobState::received;
  bool only_history = false;
  long long begun = 0;  // when the job came, microseconds since 1970; 0 = not known
  std::string agent_ip;
  std::string record;  // as encode_record() wrote it
};
// About what it takes in memory, in bytes.
inline std::size_t weight_of(const Entry& entry) { return 192 + entry.record.size(); }

struct DatedEntry {
  long long created = 0;  // as Moments gave it
  Entry entry;
};

template <class Unit>
long long since_1970() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Gives each job its place among all others: the time at which it came, on a line of time that goes on where
// the clock was set back, so that a new job is newer than those that are in the files. Any thread.
class Moments {
 public:
  // Of a job that came at `begun`; 0 = now. Two that came at once have the same.
  long long of(long long begun) {
    const std::lock_guard lock(mutex_);
    const long long now = since_1970<std::chrono::microseconds>();
    ahead_ = std::max(ahead_, last_ - now);
    if (begun == 0) return last_ = std::max(last_ + 1, now + ahead_);
    last_ = std::max(last_, now + ahead_);
    return std::min(begun, now) + ahead_;
  }
  // There is a job of that time.
  void take(long long created) {
    const std::lock_guard lock(mutex_);
    last_ = std::max(last_, created);
  }

 private:
  std::mutex mutex_;
  long long last_ = 0;
  long long ahead_ = 0;  // of the clock
};

}  // namespace elves::journal
