// How elvesctl ends.
#pragma once

#include <stdexcept>
#include <string>

namespace elves::ctl {

enum ExitCode : int {
  kExitDone = 0,          // the worker succeeded; what was asked was done
  kExitWorkerFailed = 1,  // the worker ran and reported failure
  kExitNotDone = 2,       // the job could not be run; nobody answers
  kExitUnknown = 3,       // the job may have run, or may still: repeating it may run it twice
  kExitUsage = 64,
  kExitOutput = 74,  // what was asked was done, and standard output took no answer
};

// A signal ended the waiting. Its number comes with it; the program is to end by it.
struct Interrupted {
  int signal = 0;
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
