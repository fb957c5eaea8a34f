#include "journal/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace elves::journal {

LockFile::LockFile(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
  if (fd_ < 0) throw std::runtime_error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int why = errno;
  ::close(fd_);
  if (why == EWOULDBLOCK)
    throw std::runtime_error(fmt::format("another process has it open ({} is locked)", path));
  throw std::runtime_error(fmt::format("cannot lock {}: {}", path, std::strerror(why)));
}

LockFile::~LockFile() { ::close(fd_); }

bool LockFile::in_use() const { return ::lseek(fd_, 0, SEEK_END) > 0; }

void LockFile::set_in_use(bool now) {
  if (now == in_use()) return;
  const bool written = now ? ::pwrite(fd_, "in use\n", 7, 0) == 7 : ::ftruncate(fd_, 0) == 0;
  if (!written || ::fdatasync(fd_) != 0)
    throw std::runtime_error(fmt::format("cannot write its lock file: {}", std::strerror(errno)));
}

}  // namespace elves::journal
