#include "worker/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace elves::worker {

FolderLock::FolderLock(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (fd_ < 0) throw std::runtime_error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd_, F_SETLK, &whole) == 0) return;
  const int why = errno;
  ::close(fd_);
  if (why == EACCES || why == EAGAIN) throw std::runtime_error("another process has it open");
  throw std::runtime_error(fmt::format("cannot lock {}: {}", path, std::strerror(why)));
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace elves::worker
