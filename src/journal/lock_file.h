// Keeps a second process away from a journal's file, and knows whether the one before closed it.
#pragma once

#include <string>

namespace elves::journal {

// Holds a lock on the file at `path`, which is made when it is not there and stays behind. The lock ends with
// the object or with the process.
class LockFile {
 public:
  // Throws std::runtime_error when another process holds it, or when it cannot be made or locked.
  explicit LockFile(const std::string& path);
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

  // Whether the journal is in use, as its owner wrote down last: when this one has not yet, the owner before,
  // who then was cut off.
  bool in_use() const;
  // Writes it down, durably. Throws std::runtime_error.
  void set_in_use(bool now);

 private:
  const int fd_;
};

}  // namespace elves::journal
