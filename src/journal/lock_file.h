// Keeps a second process away from the journal.
#pragma once

#include <string>

namespace elves::journal {

// Holds an advisory lock on a file from construction to destruction or the end of the process, however it
// ends. The file stays. Throws std::runtime_error when the lock is held elsewhere or the file cannot be made.
class LockFile {
 public:
  explicit LockFile(const std::string& path);
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

 private:
  int fd_;
};

}  // namespace elves::journal
