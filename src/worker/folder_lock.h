// Keeps a second process away from a folder.
#pragma once

#include <string>

namespace elves::worker {

// Holds an advisory lock on the file `path` from construction to destruction or the end of the process,
// however it ends; a child that it is just starting does not hold it. It keeps other processes away, not this
// one. The file stays. Throws std::runtime_error when the lock is held elsewhere or the file cannot be made.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  int fd_;
};

}  // namespace elves::worker
