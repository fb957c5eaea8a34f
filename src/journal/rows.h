// What both files of the journal hand out and take.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "dispatch/ports.h"

namespace elves::journal {

struct DatedRecord {
  long long created = 0;  // microseconds since 1970; no two jobs have the same
  JobRecord record;
};

// A job as it is written.
struct EncodedJob {
  LogId id;
  long long created = 0;
  std::string agent_ip;
  std::string record;  // as encode_record() wrote it
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
