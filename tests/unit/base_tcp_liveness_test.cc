#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tcp_liveness.h"

namespace elves {
namespace {

class TcpLivenessTest : public testing::Test {
 protected:
  ~TcpLivenessTest() override { ::close(socket_); }
  int get(int level, int option) const {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket_, level, option, &value, &size), 0);
    return value;
  }
  const int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST_F(TcpLivenessTest, AsksAndGivesUp) {
  keep_alive(socket_, {Seconds(6), Seconds(20)});
  EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPIDLE), 6);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPINTVL), 2);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_USER_TIMEOUT), 20'000);
}

TEST_F(TcpLivenessTest, EitherCanBeSwitchedOff) {
  keep_alive(socket_, {Seconds(0), Seconds(0)});
  EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

}  // namespace
}  // namespace elves
