#include "worker/leftovers.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <system_error>
#include <vector>

namespace elves::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariable = "ELVES_WORKER_OF";

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && stop == text.data() + text.size();
}

// Whether `pid` carries `mark` (without its session) and is still in the session that it names.
bool is_marked(pid_t pid, std::string_view mark) {
  std::ifstream file(fmt::format("/proc/{}/environ", pid), std::ios::binary);
  const std::string environment{std::istreambuf_iterator<char>(file), {}};
  for (std::string_view rest = environment; !rest.empty();) {
    const auto variable = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), variable.size() + 1));
    pid_t session = 0;
    if (variable.starts_with(mark) && parse(variable.substr(mark.size()), session)) {
      return ::getsid(pid) == session;
    }
  }
  return false;
}

std::vector<pid_t> marked(std::string_view mark) {
  std::vector<pid_t> found;
  std::error_code fault;
  for (fs::directory_iterator at("/proc", fault), end; !fault && at != end; at.increment(fault)) {
    pid_t pid = 0;
    if (!parse(at->path().filename().native(), pid) || pid == ::getpid()) continue;
    if (is_marked(pid, mark)) found.push_back(pid);
  }
  return found;
}

// Kills through a descriptor of the process, so that nobody else can have got its number meanwhile; then
// waits for its end. False when it is still there at `until`.
bool end_process(pid_t pid, std::string_view mark, SteadyTime until) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return true;
  bool gone = !is_marked(pid, mark);
  if (!gone) {
    ::syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
    const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now());
    pollfd end{.fd = process, .events = POLLIN, .revents = 0};
    gone = ::poll(&end, 1, static_cast<int>(std::max<Millis::rep>(left.count(), 0))) > 0;
  }
  ::close(process);
  return gone;
}

std::string mark_of(const std::string& state) { return fmt::format("{}={}:", kVariable, state); }

}  // namespace

std::string worker_mark(const std::string& state) { return fmt::format("{}{}", mark_of(state), ::getsid(0)); }

Leftovers end_leftovers(const std::string& state, Millis patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  const auto mark = mark_of(state);
  Leftovers result;
  // Again and again: those that are killed last may have started others.
  for (auto found = marked(mark); !found.empty(); found = marked(mark)) {
    result.alive = 0;
    for (const pid_t pid : found) end_process(pid, mark, until) ? ++result.killed : ++result.alive;
    if (std::chrono::steady_clock::now() >= until) break;
  }
  return result;
}

}  // namespace elves::worker
