// Notices when somebody removes, replaces or cuts off the journal's files while they are open.
#pragma once

#include <sys/stat.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>

namespace elves::journal {

// What is written to a file that is gone is lost, and SQLite does not tell.
struct FileLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Journal thread only.
class FileWatch {
 public:
  explicit FileWatch(std::string path);

  // From now on `path` and its -wal and -shm are to stay the files that they are.
  void begin();
  // The -wal and -shm may be others: a new connection has made them.
  void renew_logs();
  // Throws FileLost when `path` is another file, is not there, or has become shorter.
  void check();
  // Throws std::runtime_error when the -wal or the -shm is another file or is not there: what is written to
  // them does not last, but the connection still has what was.
  void check_logs() const;

 private:
  using Status = std::optional<struct stat>;  // none: no such file

  static Status look(const std::string& path);
  static bool same(const Status& left, const Status& right);

  const std::string path_;
  const std::array<std::string, 2> logs_;
  Status file_;
  std::array<Status, 2> log_files_;
};

}  // namespace elves::journal
