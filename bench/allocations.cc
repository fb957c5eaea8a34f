// libbench_allocations.so, for LD_PRELOAD: counts the program's heap allocations in the file that the
// variable ELVES_BENCH_ALLOCATIONS names, two 8-byte numbers in the machine's byte order: calls, and bytes
// asked for.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

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

// The program's own allocator, behind this library.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  count(bytes);
  static auto* const allocate = next<void*(std::size_t)>("malloc");
  return allocate(bytes);
}
void* calloc(std::size_t number, std::size_t bytes) {
  count(number * bytes);
  static auto* const allocate = next<void*(std::size_t, std::size_t)>("calloc");
  return allocate(number, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  count(bytes);
  static auto* const allocate = next<void*(void*, std::size_t)>("realloc");
  return allocate(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count(bytes);
  static auto* const allocate = next<void*(std::size_t, std::size_t)>("memalign");
  return allocate(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
}

// An allocator may bring its own operator new, which malloc would not hear of.
void* operator new(std::size_t bytes) {
  if (void* block = std::malloc(bytes)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return ::operator new(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* block = memalign(static_cast<std::size_t>(alignment), bytes)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return ::operator new(bytes, alignment);
}
