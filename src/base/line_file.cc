#include "base/line_file.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace elves {

LineFile::LineFile(std::string file, std::size_t rotate_bytes, std::size_t rotate_files)
    : file_(std::move(file)), rotate_bytes_(rotate_bytes), rotate_files_(rotate_files) {
  open();
}

LineFile::~LineFile() {
  if (fd_ >= 0 && !is_stream()) ::close(fd_);
}

// Keeps what is open when there is no other.
bool LineFile::open() {
  const int fresh =
      is_stream() ? STDERR_FILENO : ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fresh < 0) return false;
  if (fd_ >= 0 && !is_stream()) ::close(fd_);
  fd_ = fresh;
  struct stat status{};
  socket_ = ::fstat(fd_, &status) == 0 && S_ISSOCK(status.st_mode);
  regular_ = S_ISREG(status.st_mode);
  return true;
}

bool LineFile::make_ready(std::size_t more) {
  if (is_stream()) return true;
  struct stat named{};
  struct stat opened{};
  const bool is_open = fd_ >= 0 && ::fstat(fd_, &opened) == 0;
  const bool same = is_open && ::stat(file_.c_str(), &named) == 0 && named.st_dev == opened.st_dev &&
                    named.st_ino == opened.st_ino;
  const auto size = static_cast<std::size_t>(opened.st_size);
  if (same && (rotate_bytes_ == 0 || size == 0 || size + more <= rotate_bytes_)) return true;
  if (same) rotate();
  if (open()) return true;
  return is_open && opened.st_nlink > 0;  // what was renamed still has readers, what was removed has none
}

std::ptrdiff_t LineFile::write(std::string_view text) {
  if (!is_stream()) return ::write(fd_, text.data(), text.size());
  // A reader that does not read must not hold this up, and others write to the same pipe or terminal: they
  // would not expect it to become non-blocking. So much fits where poll() sees room.
  const auto part = text.substr(0, PIPE_BUF);
  if (socket_) return ::send(fd_, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  pollfd room{fd_, POLLOUT, 0};
  if (!regular_ && ::poll(&room, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd_, part.data(), part.size());
}

// Those that are too many go.
void LineFile::rotate() {
  for (std::size_t number = rotate_files_; number > 0; --number) {
    const auto from = number == 1 ? file_ : rotated(number - 1);
    std::rename(from.c_str(), rotated(number).c_str());
  }
}

// "log/a.txt" becomes "log/a.1.txt".
std::string LineFile::rotated(std::size_t number) const {
  const std::filesystem::path path(file_);
  auto name = path.stem().string() + '.' + std::to_string(number) + path.extension().string();
  return (path.parent_path() / name).string();
}

}  // namespace elves
