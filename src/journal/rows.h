// What both tables of the journal hand out.
#pragma once

#include <chrono>

#include "dispatch/ports.h"

namespace elves::journal {

struct DatedRecord {
  long long created = 0;  // microseconds since 1970; no two jobs have the same
  JobRecord record;
};

template <class Unit>
long long since_1970() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace elves::journal
