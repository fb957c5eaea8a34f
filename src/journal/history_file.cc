#include "journal/history_file.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "journal/database.h"

namespace elves::journal {

namespace {

namespace fs = std::filesystem;

// A file that is gone, then one in its place that is damaged.
constexpr int most_tries = 3;

// Pages as large as they pay: a block has some 256 KiB. With a rollback journal each byte of it is written
// once, while a write-ahead log would have it twice.
constexpr const char* settings[] = {
    "PRAGMA page_size = 32768",       "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = TRUNCATE", "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = FAST",  // what is removed is not written once more
};
// As schema.cc says of version 2, but that `newest` may be a little greater: blocks are in the order in which
// they were written. The index has what a start and a lookup read of all blocks.
constexpr const char* tables[] = {
    "CREATE TABLE IF NOT EXISTS history (newest INTEGER PRIMARY KEY, ended BIGINT NOT NULL, count INTEGER "
    "NOT NULL, first_id CHAR(16) NOT NULL, last_id CHAR(16) NOT NULL, jobs BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS history_ids ON history (last_id, first_id, count)",
    // Takes the lock, and tells whether the file may be written.
    "UPDATE history SET count = count WHERE newest = 0",
};

}  // namespace

struct HistoryFile::Connection {
  explicit Connection(const std::string& path, int patience_seconds = 0)
      : sql(soci::sqlite3, connect_string(path, patience_seconds)) {
    for (const char* setting : settings) sql << setting;
    for (const char* statement : tables) sql << statement;
    history.emplace(sql);
  }

  soci::session sql;
  std::optional<History> history;
};

std::string history_path(const std::string& path) { return path + ".history"; }

HistoryFile::HistoryFile(std::string path, Millis retry, Moments& moments)
    : path_(std::move(path)), retry_(retry), moments_(moments), watch_(path_) {}

HistoryFile::~HistoryFile() = default;

void HistoryFile::make(const std::string& path) { Connection{path}; }

void HistoryFile::open(int patience_seconds) {
  patience_seconds_ = patience_seconds;
  attempt([](Connection&) {});
  patience_seconds_ = 0;
}

bool HistoryFile::write(const std::function<void(History&)>& fill) {
  return attempt([&](Connection& connection) {
    soci::transaction all(connection.sql);
    fill(*connection.history);
    connection.history->flush();
    all.commit();
  });
}

bool HistoryFile::read(const std::function<void(History&)>& ask) {
  if (attempt([&](Connection& connection) { ask(*connection.history); })) return true;
  log::error("the history {} cannot be read: {}", path_, trouble());
  return false;
}

std::size_t HistoryFile::tidy(const Keep& keep) {
  std::size_t removed = 0;
  const bool done = attempt([&](Connection& connection) {
    soci::transaction all(connection.sql);
    const auto oldest = since_1970<Millis>() - std::chrono::duration_cast<Millis>(keep.age).count();
    removed = connection.history->remove_before(oldest, tidy_bite);
    if (removed == 0) {
      const auto most = beyond(keep, connection.history->jobs(), bytes_used(connection.sql));
      removed = connection.history->remove_oldest(std::min(most, tidy_bite));
    }
    if (removed > 0) all.commit();
  });
  return done ? removed : 0;
}

bool HistoryFile::is_ready() const {
  const std::lock_guard lock(mutex_);
  return may_try();
}

bool HistoryFile::may_try() const { return connection_ || std::chrono::steady_clock::now() >= next_try_; }

bool HistoryFile::disk_failed() const {
  const std::lock_guard lock(mutex_);
  return disk_failed_;
}

SteadyTime HistoryFile::next_try() const {
  const std::lock_guard lock(mutex_);
  return next_try_;
}

void HistoryFile::try_now() {
  const std::lock_guard lock(mutex_);
  next_try_ = SteadyTime();
}

// Again where the file that was there has become useless.
bool HistoryFile::attempt(const std::function<void(Connection&)>& action) {
  const std::lock_guard lock(mutex_);
  if (!may_try()) return false;
  for (int tries = 1;; ++tries) {
    try {
      action(connect());
      disk_failed_ = false;
      if (trouble_.set("")) log::info("the history {} is written again", path_);
      return true;
    } catch (const std::exception& fault) {
      connection_.reset();
      if (tries == most_tries || !get_over(fault)) return give_up(fault), false;
    }
  }
}

HistoryFile::Connection& HistoryFile::connect() {
  if (connection_) {
    watch_.check();
  } else {
    connection_ = std::make_unique<Connection>(path_, patience_seconds_);
    watch_.begin();
    moments_.take(connection_->history->newest());
  }
  return *connection_;
}

// Whether another file may do better.
bool HistoryFile::get_over(const std::exception& fault) {
  if (dynamic_cast<const FileLost*>(&fault) != nullptr) {
    log::error("the history {}: {}; the jobs in it are gone from the history", path_, fault.what());
    return true;
  }
  if (!is_damage(fault)) return false;
  const std::string aside = name_aside(path_);
  std::error_code failed;
  // First what SQLite would do to the next file.
  fs::rename(path_ + "-journal", aside + "-journal", failed);
  if (!failed || failed == std::errc::no_such_file_or_directory) fs::rename(path_, aside, failed);
  if (failed) return false;
  log::error("the history {} is damaged ({}): a new one is begun, and the old one is now {}", path_,
             reason(fault), aside);
  return true;
}

void HistoryFile::give_up(const std::exception& fault) {
  next_try_ = std::chrono::steady_clock::now() + retry_;
  disk_failed_ = is_disk_failure(fault);
  if (trouble_.set(reason(fault)))
    log::error("the history {} cannot be written: {}; jobs go on without it", path_, trouble());
}

}  // namespace elves::journal
