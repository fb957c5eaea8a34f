#include "worker/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "base/process_start.h"

namespace elves::worker {
namespace {

using Step = NotStarted::Step;

constexpr int kReport = 3;        // the child's pipe to its parent; closed when the program starts
constexpr int kMostOpen = 65536;  // where the kernel cannot close them all at once

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 2);
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  return pointers;
}

// All that the child needs, made before it is there.
struct Plan {
  const char* folder;
  std::array<int, 3> descriptors;
  int report;
  std::vector<char*> argv;
  std::vector<char*> environment;
  pid_t parent;
};

Plan plan_of(const Command& command, const std::array<int, 3>& descriptors, int report) {
  Plan plan{.folder = command.folder.c_str(),
            .descriptors = descriptors,
            .report = report,
            .argv = pointers_to(command.argv),
            .environment = {},
            .parent = ::getpid()};
  plan.argv.push_back(nullptr);
  const auto name = command.mark.substr(0, command.mark.find('=') + 1);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (name.empty() || !std::string_view(*variable).starts_with(name)) plan.environment.push_back(*variable);
  }
  if (!name.empty()) plan.environment.push_back(const_cast<char*>(command.mark.c_str()));
  plan.environment.push_back(nullptr);
  return plan;
}

// In the child, which shares this process's memory and must not touch it: system calls only. Comes back with
// the reason when the program cannot be started.
[[gnu::noinline]] NotStarted become(const Plan& plan) {
  // First of all: until then it keeps what it has of a parent that is killed, the listening socket for one.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return {errno};
  if (::getppid() != plan.parent) return {ESRCH};
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  give_back_inherited();
  if (::setpgid(0, 0) != 0) return {errno};
  for (int number = 0; number < 3; ++number) {
    if (::dup2(plan.descriptors[static_cast<std::size_t>(number)], number) < 0) return {errno};
  }
  if (plan.report != kReport && ::dup2(plan.report, kReport) < 0) return {errno};
  if (::fcntl(kReport, F_SETFD, FD_CLOEXEC) != 0) return {errno};
  if (::close_range(kReport + 1, ~0U, 0) != 0) {
    for (int number = kReport + 1; number < kMostOpen; ++number) ::close(number);
  }
  if (::chdir(plan.folder) != 0) return {errno, Step::folder};
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  return {errno, Step::program};
}

// Sends why it could not become the program to its parent.
[[noreturn]] void give_up(int report, NotStarted why) {
  for (const int to : {report, kReport}) {
    if (::write(to, &why, sizeof why) == sizeof why) break;
  }
  ::_exit(127);
}

// What the child sent; nothing when it became the program, which closed the pipe.
NotStarted read_report(int from) {
  NotStarted why;
  ssize_t got = 0;
  do {
    got = ::read(from, &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  return got == sizeof why ? why : NotStarted{};
}

}  // namespace

NotStarted spawn(const Command& command, int input, int output, int errors, pid_t& pid) {
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return {errno};
  const Plan plan = plan_of(command, {input, output, errors}, report[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not posix_spawn, which resets no signals and closes no descriptors; the child makes system calls only.
  pid = ::vfork();  // NOLINT(bugprone-unsafe-functions,clang-analyzer-*)
  if (pid == 0) give_up(plan.report, become(plan));
  NotStarted why{pid < 0 ? errno : 0};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(report[1]);
  if (pid > 0) why = read_report(report[0]);
  ::close(report[0]);
  if (pid > 0 && why.code != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return why;
}

}  // namespace elves::worker
