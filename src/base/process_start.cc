#include "base/process_start.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace elves {
namespace {

constexpr mode_t kNobodyElse = 027;

// As they were when this process began.
struct Inherited {
  rlimit files{};
  rlimit core{};
  mode_t umask = 0;
  bool known = false;
};
Inherited inherited;  // written once, before there is a second thread

void handle(int signal, void (*how)(int)) {
  struct sigaction action{};
  action.sa_handler = how;
  ::sigaction(signal, &action, nullptr);
}

bool ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    const bool on_purpose = (signal == SIGHUP || signal == SIGINT || signal == SIGQUIT) && ignored(signal);
    if (!on_purpose) handle(signal, SIG_DFL);
  }
  handle(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A timer outlives exec, and its signal would end the process.
void stop_timers() {
  const itimerval never{};
  for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) ::setitimer(timer, &never, nullptr);
}

// What is opened later must not get the numbers 0 to 2, which everybody writes to.
void open_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

void allow_many_files() {
  auto most = inherited.files;
  most.rlim_cur = most.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &most);
}

}  // namespace

void prepare_process(Program program) {
  open_standard_descriptors();
  reset_signals();
  stop_timers();
  ::getrlimit(RLIMIT_NOFILE, &inherited.files);
  ::getrlimit(RLIMIT_CORE, &inherited.core);
  inherited.umask = ::umask(kNobodyElse);
  ::umask(program == Program::server ? inherited.umask | kNobodyElse : inherited.umask);
  inherited.known = true;
  if (program != Program::server) return;
  handle(SIGPIPE, SIG_IGN);
  allow_many_files();
}

void give_back_inherited() {
  if (!inherited.known) return;
  ::umask(inherited.umask);
  ::setrlimit(RLIMIT_NOFILE, &inherited.files);
  ::setrlimit(RLIMIT_CORE, &inherited.core);
}

bool adopts_orphans() {
  int subreaper = 0;
  return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

void let_orphans_be_reaped() {
  if (adopts_orphans()) handle(SIGCHLD, SIG_IGN);
}

}  // namespace elves
