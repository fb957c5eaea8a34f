#include "base/tcp_liveness.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace elves {
namespace {

constexpr int kQuestions = 3;  // without TCP_USER_TIMEOUT, which decides otherwise

void set(int descriptor, int level, int option, int value) {
  ::setsockopt(descriptor, level, option, &value, sizeof value);
}

}  // namespace

void keep_alive(int descriptor, const TcpLiveness& liveness) {
  if (const auto idle = static_cast<int>(liveness.ask_after.count()); idle > 0) {
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle / 3));
    set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, kQuestions);
  }
  const Millis patience = liveness.give_up_after;
  if (patience.count() > 0)
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(patience.count()));
}

}  // namespace elves
