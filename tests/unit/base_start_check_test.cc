#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/path_check.h"
#include "base/start_check.h"

namespace elves {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StartCheckTest : public ::testing::Test {
 protected:
  StartCheckTest() {
    std::string name = (fs::temp_directory_path() / "elves-check-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~StartCheckTest() override { fs::remove_all(folder_); }
  fs::path folder_;
};

// A port that this process listens on.
class Taken {
 public:
  Taken() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(fd_, 1);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { ::close(fd_); }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_F(StartCheckTest, FilesThatCannotBeWrittenAreErrors) {
  std::ofstream(folder_ / "file") << "x";
  EXPECT_EQ(why_not_writable(folder_ / "file", false), "");
  EXPECT_EQ(why_not_writable(folder_ / "new", false), "");
  EXPECT_EQ(why_not_writable(folder_ / "a/b/new", true), "");
  EXPECT_EQ(why_not_writable(folder_, false), "is a folder");
  EXPECT_THAT(why_not_writable(folder_ / "a/new", false), HasSubstr("is not there"));
  EXPECT_THAT(why_not_writable(folder_ / "file/new", true), HasSubstr("is no folder"));
  EXPECT_THAT(why_no_folder(folder_ / "file"), HasSubstr("is no folder"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(StartCheckTest, APortIsTriedAndItsHolderNamed) {
  const Taken taken;
  EXPECT_EQ(holder_of(taken.port()).pid, ::getpid());
  StartCheck check("elves-scheduler");
  check.port("admin.listen", "192.0.2.1", 1);
  EXPECT_THAT(check.taken, ElementsAre(HasSubstr("no interface of this machine")));
  EXPECT_THAT(why_not_listening(EADDRINUSE, taken.port()),
              HasSubstr("(pid " + std::to_string(::getpid()) + ")"));
}

TEST_F(StartCheckTest, OnePortCannotServeTwoSettings) {
  std::uint16_t port = 0;
  {
    const Taken free;
    port = free.port();
  }
  StartCheck check("elves-scheduler");
  check.port("thrift.scheduler.port", "127.0.0.1", port);
  EXPECT_THAT(check.errors, IsEmpty());
  check.port("admin.listen", "127.0.0.1", port);
  EXPECT_THAT(check.errors,
              ElementsAre(HasSubstr("admin.listen: port " + std::to_string(port) + " is used by")));
}

}  // namespace
}  // namespace elves
