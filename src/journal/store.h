// The journal's file: one SQLite connection through SOCI, with a table for jobs that are open and one for
// those that are over.
#pragma once

#include <soci/session.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dispatch/ports.h"
#include "journal/history.h"
#include "journal/keep.h"
#include "journal/open_jobs.h"

namespace elves::journal {

// One thread at a time. Everything throws std::exception when the database fails, and then has changed
// nothing; reason() tells why. After that the connection is not to be trusted: make a new Store.
class Store {
 public:
  // Opens the file, in WAL mode and synced on every commit, and migrates it; one that is not there is made.
  // Throws std::runtime_error also for a file of a newer version. Its -wal stays when the connection ends, so
  // that one that is missing was removed by somebody.
  explicit Store(const std::string& path);

  // Before an end in order: everything is in the one file, and the -wal goes with the connection.
  void finish();

  // Writes what is there already: throws when nothing can be written.
  void probe();
  // The name of the scheduler whose journal this is; `made_up` if it has none yet.
  std::string instance(std::string made_up);

  // All of them in one transaction, each replacing what is known of its log id. No log id twice.
  void write(std::span<const JobRecord* const> records);

  // As in Journal. A record that cannot be decoded is left out, with a line in the log.
  std::vector<JobRecord> open_jobs();
  std::vector<JobRecord> find(LogId id);
  std::vector<JobRecord> list(const JobFilter& filter);

  // Removes the oldest published records beyond the limits, some `tidy_bite` of them. Answers how many.
  std::size_t tidy(const Keep& keep);
  static constexpr std::size_t tidy_bite = 500;

 private:
  void set_up();
  void keep_log(bool stays);
  long long number(const char* query);
  std::size_t beyond_limits(const Keep& keep);

  soci::session sql_;
  std::optional<OpenJobs> open_;
  std::optional<History> history_;
  long long last_created_ = 0;
};

// Why a Store failed, in few words.
std::string reason(const std::exception& fault);
// Whether it failed because what is in the file is no longer what was written to it.
bool is_damage(const std::exception& fault);

}  // namespace elves::journal
