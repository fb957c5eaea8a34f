#include "worker/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace elves::worker {

FolderLock::FolderLock(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (fd_ < 0) throw std::runtime_error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int why = errno;
  ::close(fd_);
  if (why == EWOULDBLOCK) throw std::runtime_error("another process has it open");
  throw std::runtime_error(fmt::format("cannot lock {}: {}", path, std::strerror(why)));
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace elves::worker
