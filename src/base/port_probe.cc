#include "base/port_probe.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

namespace elves {
namespace {

namespace fs = std::filesystem;

socklen_t fill(sockaddr_storage& address, const std::string& host, std::uint16_t port) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return 0;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return sizeof v6;
}

// The inodes of sockets that listen on `port`, from a table such as /proc/net/tcp.
void find_listeners(const char* table, std::uint16_t port, std::set<std::string>& inodes) {
  constexpr std::string_view kListening = "0A";
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
    if (state != kListening) continue;
    unsigned own = 0;
    const auto text = std::string_view(local).substr(local.rfind(':') + 1);
    std::from_chars(text.data(), text.data() + text.size(), own, 16);
    if (own == port) inodes.insert("socket:[" + inode + "]");
  }
}

bool has_one(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code fault;
  for (fs::directory_iterator at(process / "fd", fault), end; !fault && at != end; at.increment(fault)) {
    std::error_code unreadable;
    if (sockets.contains(fs::read_symlink(at->path(), unreadable).string())) return true;
  }
  return false;
}

}  // namespace

PortProbe::PortProbe(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  const auto size = fill(address, host, port);
  const int yes = 1;
  fd_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens = fd_ >= 0 && ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                       ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_, 1) == 0;
  if (!listens) code_ = errno;
}

PortProbe::PortProbe(PortProbe&& other) noexcept : fd_(std::exchange(other.fd_, -1)), code_(other.code_) {}

PortProbe::~PortProbe() {
  if (fd_ >= 0) ::close(fd_);
}

PortHolder holder_of(std::uint16_t port) {
  std::set<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) find_listeners(table, port, sockets);
  std::error_code fault;
  for (fs::directory_iterator at("/proc", fault), end; !sockets.empty() && !fault && at != end;
       at.increment(fault)) {
    PortHolder holder;
    const auto name = at->path().filename().string();
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), holder.pid);
    if (parsed.ec != std::errc() || !has_one(at->path(), sockets)) continue;
    std::getline(std::ifstream(at->path() / "comm"), holder.program);
    return holder;
  }
  return {};
}

std::string why_not_listening(int code, std::uint16_t port) {
  const std::string reason = std::strerror(code);
  if (code == EADDRNOTAVAIL) return reason + ": no interface of this machine has it";
  if (code == EACCES && port < 1024)
    return reason +
           ": ports below 1024 need root, or CAP_NET_BIND_SERVICE (AmbientCapabilities= of the systemd unit)";
  if (code != EADDRINUSE) return reason;
  const auto holder = holder_of(port);
  if (holder.pid == 0) return reason + ", by another user's program (as root, ss -ltnp names it)";
  return fmt::format("{}, by {} (pid {})", reason, holder.program, holder.pid);
}

}  // namespace elves
