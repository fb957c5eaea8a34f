#include "base/path_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace elves {
namespace {

namespace fs = std::filesystem;

std::string refused(const fs::path& path, int how) {
  return ::faccessat(AT_FDCWD, path.c_str(), how, AT_EACCESS) == 0 ? "" : std::strerror(errno);
}

// The nearest folder above `path` that is there.
fs::path existing(fs::path path) {
  std::error_code fault;
  while (!fs::exists(path, fault) && path.has_relative_path()) path = path.parent_path();
  return path;
}

}  // namespace

std::string why_no_folder(const std::string& folder) {
  std::error_code fault;
  const auto there = existing(fs::absolute(folder));
  if (!fs::is_directory(there, fault)) return there.string() + " is no folder";
  const auto why = refused(there, W_OK | X_OK);
  return why.empty() ? "" : there.string() + ": " + why;
}

std::string why_not_writable(const std::string& file, bool makes_folders) {
  std::error_code fault;
  const auto path = fs::absolute(file);
  if (fs::is_directory(path, fault)) return "is a folder";
  if (fs::exists(path, fault)) return refused(path, W_OK);
  const auto folder = path.parent_path();
  if (!makes_folders && !fs::exists(folder, fault)) return "its folder " + folder.string() + " is not there";
  const auto why = why_no_folder(folder.string());
  return why.empty() ? "" : "cannot be made: " + why;
}

}  // namespace elves
