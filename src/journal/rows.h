// What both files of the journal take and hand out.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "dispatch/ports.h"

namespace elves::journal {

struct DatedRecord {
  long long created = 0;  // microseconds since 1970; no two jobs have the same
  JobRecord record;
};

// A record as it is written: its job and outcome are needed no more.
struct Entry {
  LogId id;
  JobState state = JobState::received;
  bool only_history = false;
  std::string agent_ip;
  std::string record;  // as encode_record() wrote it
};
// About what it takes in memory, in bytes.
inline std::size_t weight_of(const Entry& entry) { return 192 + entry.record.size(); }

struct DatedEntry {
  long long created = 0;  // as above
  Entry entry;
};

template <class Unit>
long long since_1970() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Gives each job the time at which it is first written: later than that of every other, also of those that
// are in the files, whatever the clock does. Journal thread only.
class Moments {
 public:
  long long next() { return last_ = std::max(last_ + 1, since_1970<std::chrono::microseconds>()); }
  // There is a job of that time.
  void take(long long created) { last_ = std::max(last_, created); }

 private:
  long long last_ = 0;
};

}  // namespace elves::journal
