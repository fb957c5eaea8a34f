// libbench_allocations.so, for LD_PRELOAD: counts the program's heap allocations in the file that the
// variable ELVES_BENCH_ALLOCATIONS names, two 8-byte numbers in the machine's byte order: calls, and bytes
// asked for.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// glibc's own names, which it exports for this.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

using Counters = std::array<std::atomic<std::uint64_t>, 2>;

Counters before_the_file{};
std::atomic<Counters*> counters{&before_the_file};

void count(std::size_t bytes) {
  Counters& now = *counters.load(std::memory_order_relaxed);
  now[0].fetch_add(1, std::memory_order_relaxed);
  now[1].fetch_add(bytes, std::memory_order_relaxed);
}

__attribute__((constructor)) void open_file() {
  const char* path = std::getenv("ELVES_BENCH_ALLOCATIONS");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Counters)) != 0) return;
  void* place = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (place != MAP_FAILED) counters = static_cast<Counters*>(place);
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  count(bytes);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t number, std::size_t bytes) {
  count(number * bytes);
  return __libc_calloc(number, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  count(bytes);
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
}
