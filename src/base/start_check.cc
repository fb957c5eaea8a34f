#include "base/start_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/path_check.h"

namespace elves {

void StartCheck::file(const char* key, const std::string& path, bool makes_folders) {
  if (path.empty()) return;
  const auto why = why_not_writable(path, makes_folders);
  if (!why.empty()) errors.push_back(fmt::format("{}: '{}' {}", key, path, why));
}

void StartCheck::folder(const char* key, const std::string& path) {
  const auto why = why_no_folder(path);
  if (!why.empty()) errors.push_back(fmt::format("{}: '{}' cannot be used: {}", key, path, why));
}

void StartCheck::port(const char* key, const std::string& host, std::uint16_t number) {
  probes_.emplace_back(host, number);
  const int code = probes_.back().code();
  if (code == 0) return;
  const auto holder = code == EADDRINUSE ? holder_of(number) : PortHolder{};
  if (holder.pid == ::getpid()) {
    errors.push_back(fmt::format("{}: port {} is used by another setting of this file", key, number));
  } else if (holder.program == program_) {
    doubts.push_back(fmt::format("{}: {}:{} is taken by {} (pid {}): fine if this is to take its place", key,
                                 host, number, program_, holder.pid));
  } else {
    taken.push_back(
        fmt::format("{}: cannot listen on {}:{}: {}", key, host, number, why_not_listening(code, number)));
  }
}

}  // namespace elves
