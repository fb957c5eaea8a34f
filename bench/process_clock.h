// The processor time that another process has used.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <stdexcept>
#include <string>

namespace elves::bench {

// Microseconds, all threads, user and system. Throws std::runtime_error when there is no such process.
inline double cpu_time_us(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("no process " + std::to_string(pid) + " to watch");
  }
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

}  // namespace elves::bench
