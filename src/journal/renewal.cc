#include "journal/renewal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "journal/database.h"
#include "journal/store.h"

namespace elves::journal {

namespace fs = std::filesystem;

namespace {

void remove_all_of(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm"}) fs::remove(path + ending);
}

void sync_folder_of(const std::string& path) {
  const int fd = ::open(fs::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw std::system_error(why, std::generic_category(), "its folder");
}

}  // namespace

std::string renew(const std::string& path, const std::string& instance, std::span<const JobRecord> open) {
  const std::string fresh = path + ".new";
  remove_all_of(fresh);
  {
    Moments moments;
    Store store(fresh, moments);
    store.instance(instance);
    store.write(open);
    store.finish();
  }
  sync_folder_of(path);
  const std::string aside = name_aside(path);
  bool was_there = fs::exists(path);
  // The file has both names for a while, so that there is one at any time.
  if (was_there) {
    std::error_code no_links_here;
    fs::create_hard_link(path, aside, no_links_here);
    if (no_links_here) fs::rename(path, aside);
  }
  if (fs::exists(path + "-wal")) {
    fs::rename(path + "-wal", aside + "-wal");
    was_there = true;
  }
  fs::remove(path + "-shm");
  fs::rename(fresh, path);
  sync_folder_of(path);
  return was_there ? aside : "";
}

}  // namespace elves::journal
