// Preloaded into a program under test: its disk fails as the file $BAD_DISK says while that file is there.
// "write N": writing to a database fails with errno N; "sync N": syncing does; "open N": opening does.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

// The errno that `operation` fails with now, 0 = it does not.
int fault(std::string_view operation) {
  const char* control = std::getenv("BAD_DISK");
  std::FILE* file = control != nullptr ? std::fopen(control, "r") : nullptr;
  if (file == nullptr) return 0;
  char name[16] = "";
  int number = 0;
  const int fields = std::fscanf(file, "%15s %d", name, &number);
  std::fclose(file);
  return fields == 2 && operation == name ? number : 0;
}

bool of_database(std::string_view path) { return path.find(".db") != std::string_view::npos; }

bool is_database(int fd) {
  char path[4096];
  const auto size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return size > 0 && of_database({path, static_cast<std::size_t>(size)});
}

// Whether the call is to fail; then errno says why.
bool fails(std::string_view operation, int fd) {
  const int number = is_database(fd) ? fault(operation) : 0;
  if (number != 0) errno = number;
  return number != 0;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int open_or_fail(const char* path, int flags, mode_t mode) {
  static const auto real = next<int(const char*, int, ...)>("open64");
  const int number = of_database(path) ? fault("open") : 0;
  if (number == 0) return real(path, flags, mode);
  errno = number;
  return -1;
}

}  // namespace

extern "C" {

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto real = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  return fails("write", fd) ? -1 : real(fd, bytes, size, offset);
}

int fdatasync(int fd) {
  static const auto real = next<int(int)>("fdatasync");
  return fails("sync", fd) ? -1 : real(fd);
}

int fsync(int fd) {
  static const auto real = next<int(int)>("fsync");
  return fails("sync", fd) ? -1 : real(fd);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}
}
