// How elvesctl ends.
#pragma once

#include <stdexcept>
#include <string>

namespace elves::ctl {

enum ExitCode : int {
  kExitDone = 0,          // the worker succeeded; what was asked was done
  kExitWorkerFailed = 1,  // the worker ran and reported failure
  kExitNotDone = 2,       // the job could not be run; nobody answers
  kExitUsage = 64,
};

// Ends the program with `code` and one line for a person, who is never shown a secret.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace elves::ctl
