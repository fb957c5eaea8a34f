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

namespace elves::worker {
namespace {

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
  std::vector<char*> argv;
  std::vector<char*> environment;
  pid_t parent;
};

Plan plan_of(const Command& command, const std::array<int, 3>& descriptors) {
  Plan plan{.folder = command.folder.c_str(),
            .descriptors = descriptors,
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
// an errno when the program cannot be started.
[[gnu::noinline]] int become(const Plan& plan) {
  // First of all: until then it keeps what it has of a parent that is killed, the listening socket for one.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (::getppid() != plan.parent) return ESRCH;
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  if (::setpgid(0, 0) != 0) return errno;
  for (int number = 0; number < 3; ++number) {
    if (::dup2(plan.descriptors[static_cast<std::size_t>(number)], number) < 0) return errno;
  }
  if (::close_range(3, ~0U, 0) != 0) {
    for (int number = 3; number < kMostOpen; ++number) ::close(number);
  }
  if (::chdir(plan.folder) != 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  return errno;
}

}  // namespace

int spawn(const Command& command, int input, int output, int errors, pid_t& pid) {
  const Plan plan = plan_of(command, {input, output, errors});
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  static volatile int failed;  // the child's word to its parent; one loop thread starts workers
  failed = 0;
  pid = ::vfork();
  if (pid == 0) {
    failed = become(plan);
    ::_exit(127);
  }
  const int no_child = pid < 0 ? errno : 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (no_child != 0) return no_child;
  const int why = failed;
  if (why != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return why;
}

}  // namespace elves::worker
