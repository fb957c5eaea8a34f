#include "worker/orphans.h"

#include <csignal>

#include "base/process_start.h"
#include "worker/process.h"

namespace elves::worker {

Orphans::Orphans(boost::asio::io_context& loop) : ended_(loop) {
  if (!adopts_orphans()) return;
  ended_.add(SIGCHLD);
  reap_orphans();
  await();
}

void Orphans::stop() {
  ended_.cancel();
  ended_.clear();
}

void Orphans::await() {
  ended_.async_wait([this](boost::system::error_code fault, int) {
    if (fault) return;
    reap_orphans();
    await();
  });
}

}  // namespace elves::worker
