// The journal's file: one SQLite connection through SOCI, for what must not be lost.
#pragma once

#include <soci/session.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dispatch/ports.h"
#include "journal/current_jobs.h"
#include "journal/keep.h"

namespace elves::journal {

// One thread at a time. Everything throws std::exception when the database fails, and then has changed
// nothing; reason() tells why. After that the connection is not to be trusted: make a new Store.
class Store {
 public:
  // Opens the file, in WAL mode and synced on every commit, and migrates it; one that is not there is made.
  // Throws std::runtime_error also for a file of a newer version. Its -wal stays when the connection ends, so
  // that one that is missing was removed by somebody. Takes the moments of its jobs.
  Store(const std::string& path, Moments& moments);

  // Before an end in order: everything is in the one file, and the -wal goes with the connection.
  void finish();

  // Writes what is there already: throws when nothing can be written.
  void probe();
  // The name of the scheduler whose journal this is; `made_up` if it has none yet.
  std::string instance(std::string made_up);

  // All of them in one transaction, each replacing what is known of its log id. No log id twice.
  void write(std::span<const Entry* const> entries);
  // The same of records, each encoded when its turn comes: what all of them take need not be there twice.
  void write(std::span<const JobRecord> records);

  // Those that are not published, oldest first. A record that cannot be decoded is left out, with a line in
  // the log.
  std::vector<JobRecord> open_jobs();

  // Also jobs that are over, until they are removed: they are the history's then.
  CurrentJobs& jobs() { return *jobs_; }
  // Removes the oldest that are over beyond the limits, some thousands of them. Answers how many.
  std::size_t tidy(const Keep& keep);
  // Those that are there, in one transaction.
  void remove(std::span<const LogId> ids);

 private:
  void set_up();
  void keep_log(bool stays);

  soci::session sql_;
  Moments& moments_;
  std::optional<CurrentJobs> jobs_;
};

}  // namespace elves::journal
