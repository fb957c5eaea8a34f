// Whether an address can be listened on, and who has it.
#pragma once

#include <cstdint>
#include <string>

namespace elves {

// Listens on an address for as long as it lives, to see whether that can be done: with the options of the
// servers of this program, so that connections of the past that linger are no obstacle.
class PortProbe {
 public:
  // `host` is an IP literal.
  PortProbe(const std::string& host, std::uint16_t port);
  PortProbe(PortProbe&& other) noexcept;
  PortProbe(const PortProbe&) = delete;
  PortProbe& operator=(const PortProbe&) = delete;
  ~PortProbe();

  // 0, or why not: EADDRINUSE, EADDRNOTAVAIL, EACCES, ...
  int code() const { return code_; }

 private:
  int fd_ = -1;
  int code_ = 0;
};

// A process that listens on the TCP port `port`, on whatever address; pid 0 when none is found: there is
// none, or it is another user's. Reads /proc.
struct PortHolder {
  int pid = 0;
  std::string program;
};
PortHolder holder_of(std::uint16_t port);

// Why an address could not be listened on, for people: "Address already in use, by nginx (pid 17)", "Cannot
// assign requested address: no interface of this machine has it".
std::string why_not_listening(int code, std::uint16_t port);

}  // namespace elves
