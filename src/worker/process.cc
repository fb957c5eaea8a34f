#include "worker/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <set>
#include <utility>

#include "base/process_start.h"
#include "worker/spawn.h"
#include "worker/start_trouble.h"

namespace elves::worker {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kErrorTail = 4096;
constexpr std::size_t kChunk = 64UL * 1024;

// The processes started here that are not reaped yet.
std::set<pid_t>& own() {
  static std::set<pid_t> pids;
  return pids;
}

// A file descriptor that is closed when it goes.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct Pipe {
  Fd read;
  Fd write;
};

// False when the process is out of descriptors.
bool open_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe = {Fd(ends[0]), Fd(ends[1])};
  return true;
}

class LiveProcess final : public Process {
 public:
  LiveProcess(asio::io_context& loop, std::string input, std::size_t max_output, Done done)
      : exit_(loop),
        in_(loop),
        out_(loop),
        err_(loop),
        input_(std::move(input)),
        max_output_(max_output),
        done_(std::move(done)) {}
  LiveProcess(const LiveProcess&) = delete;
  LiveProcess& operator=(const LiveProcess&) = delete;
  // Only when the loop was given up with the process still running.
  ~LiveProcess() override {
    if (running_) end_group();
  }

  Result<void> spawn(const Command& command);
  void watch();
  void kill() override {
    if (running_) ::kill(-pid_, SIGKILL);
  }
  int pid() const override { return pid_; }

 private:
  std::shared_ptr<LiveProcess> self() { return std::static_pointer_cast<LiveProcess>(shared_from_this()); }
  void feed();
  void read(asio::posix::stream_descriptor& from);
  void take(const asio::posix::stream_descriptor& from, std::string_view bytes);
  void read_rest(asio::posix::stream_descriptor& from);
  Exit end_group();
  void await_exit();
  bool has_exited() const;
  void finish();

  asio::posix::stream_descriptor exit_, in_, out_, err_;
  std::string input_;
  const std::size_t max_output_;
  Done done_;
  Ended ended_;
  std::array<char, kChunk> chunk_{};
  pid_t pid_ = -1;
  bool running_ = false;
};

Result<void> LiveProcess::spawn(const Command& command) {
  const auto failed = [&command](int code) {
    return Error{ErrorCode::internal, why_not_started(command, {code, NotStarted::Step::process})};
  };
  Pipe input;
  Pipe output;
  Pipe errors;
  if (input_.empty()) {
    input.read = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (input.read.get() < 0) return failed(errno);
  } else if (!open_pipe(input)) {
    return failed(errno);
  }
  if (!open_pipe(output) || !open_pipe(errors)) return failed(errno);
  const auto why = worker::spawn(command, input.read.get(), output.write.get(), errors.write.get(), pid_);
  if (why.code != 0) return Error{ErrorCode::internal, why_not_started(command, why)};
  running_ = true;
  own().insert(pid_);
  Fd exit(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (exit.get() < 0) {
    const int code = errno;
    end_group();
    return failed(code);
  }
  exit_.assign(exit.release());
  out_.assign(output.read.release());
  err_.assign(errors.read.release());
  if (!input_.empty()) in_.assign(input.write.release());
  return {};
}

void LiveProcess::watch() {
  if (in_.is_open()) feed();
  out_.non_blocking(true);
  err_.non_blocking(true);
  read(out_);
  read(err_);
  await_exit();
}

// A wait may end early: while a process that is being started still holds copies of this one's descriptors,
// the loop can be told of one that was closed here and whose place another has taken.
void LiveProcess::await_exit() {
  exit_.async_wait(asio::posix::stream_descriptor::wait_read, [me = self()](error_code fault) {
    if (fault) return;
    me->has_exited() ? me->finish() : me->await_exit();
  });
}

bool LiveProcess::has_exited() const {
  siginfo_t state{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         state.si_pid == pid_;
}

void LiveProcess::feed() {
  asio::async_write(in_, asio::buffer(input_), [me = self()](error_code, std::size_t) {
    error_code ignored;
    me->in_.close(ignored);
  });
}

// Waits and then reads, instead of one asynchronous read: nothing that was read is under way when the process
// ends.
void LiveProcess::read(asio::posix::stream_descriptor& from) {
  from.async_wait(asio::posix::stream_descriptor::wait_read, [me = self(), &from](error_code fault) {
    if (fault || !me->running_) return;
    const auto size = from.read_some(asio::buffer(me->chunk_), fault);
    me->take(from, {me->chunk_.data(), size});
    if (!fault || fault == asio::error::would_block) me->read(from);
  });
}

void LiveProcess::take(const asio::posix::stream_descriptor& from, std::string_view bytes) {
  if (&from == &err_) {
    ended_.errors += bytes;
    if (ended_.errors.size() > kErrorTail) ended_.errors.erase(0, ended_.errors.size() - kErrorTail);
    return;
  }
  if (ended_.too_large) return;
  ended_.output += bytes.substr(0, max_output_ - ended_.output.size() + 1);
  ended_.too_large = ended_.output.size() > max_output_;
  if (ended_.too_large) kill();
}

// What the process printed before it ended; not what somebody outside its group may still be printing.
void LiveProcess::read_rest(asio::posix::stream_descriptor& from) {
  error_code fault;
  for (std::size_t seen = 0; seen <= max_output_;) {
    const auto size = from.read_some(asio::buffer(chunk_), fault);
    if (fault) return;
    take(from, {chunk_.data(), size});
    seen += size;
  }
}

// Kills what is left of the group and reaps the process. Until it is reaped nobody else can get its group's
// number.
Exit LiveProcess::end_group() {
  kill();
  running_ = false;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  own().erase(pid_);
  if (WIFSIGNALED(status)) return {.status = 0, .signal = WTERMSIG(status)};
  return {.status = WEXITSTATUS(status), .signal = 0};
}

void LiveProcess::finish() {
  ended_.exit = end_group();
  if (adopts_orphans()) reap_orphans();
  read_rest(out_);
  read_rest(err_);
  for (auto* descriptor : {&in_, &out_, &err_, &exit_}) {
    error_code ignored;
    descriptor->close(ignored);
  }
  std::exchange(done_, nullptr)(std::move(ended_));
}

}  // namespace

Result<std::shared_ptr<Process>> Process::start(asio::io_context& loop, Command command,
                                                std::size_t max_output, Done done) {
  auto process = std::make_shared<LiveProcess>(loop, std::move(command.input), max_output, std::move(done));
  if (auto spawned = process->spawn(command); !spawned) return spawned.error();
  process->watch();
  return std::shared_ptr<Process>(std::move(process));
}

// One of our own that comes first is reaped by whoever watches it, who then comes here again.
void reap_orphans() {
  for (;;) {
    siginfo_t ended{};
    const bool any = ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0;
    if (!any || own().contains(ended.si_pid)) return;
    ::waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace elves::worker
