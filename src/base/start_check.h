// What the start of a program would refuse, found without starting: for --check-config.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/port_probe.h"

namespace elves {

// Makes and changes nothing; listens on the addresses for as long as it lives. Keys are put before messages.
class StartCheck {
 public:
  // `program`: what this one is called. Who has a port and is called so is to be replaced, and no obstacle.
  explicit StartCheck(std::string program) : program_(std::move(program)) {}

  // A file to be written. `makes_folders`: the start makes the folders above it.
  void file(const char* key, const std::string& path, bool makes_folders);
  // A folder that the start makes where it is not there.
  void folder(const char* key, const std::string& path);
  // An address to listen on; `host` is an IP literal.
  void port(const char* key, const std::string& host, std::uint16_t number);

  std::vector<std::string> errors;  // what cannot be used
  std::vector<std::string> taken;   // addresses that cannot be listened on
  std::vector<std::string> doubts;  // what is in the way now, but need not be at the start

 private:
  const std::string program_;
  std::vector<PortProbe> probes_;  // all at once, so that two settings cannot have the same
};

}  // namespace elves
