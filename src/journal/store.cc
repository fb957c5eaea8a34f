#include "journal/store.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "journal/database.h"
#include "journal/history_file.h"
#include "journal/record_codec.h"
#include "journal/schema.h"

namespace elves::journal {

Store::Store(const std::string& path, Moments& moments)
    : sql_(soci::sqlite3, connect_string(path, 5)), moments_(moments) {
  set_up();
  migrate(sql_, history_path(path));
  jobs_.emplace(sql_);
  moments_.take(jobs_->newest());
}

void Store::set_up() {
  std::string mode;
  sql_ << "PRAGMA journal_mode = WAL", soci::into(mode);
  if (mode != "wal") throw std::runtime_error("no write-ahead log is possible here: " + mode);
  keep_log(true);
  sql_ << "PRAGMA synchronous = FULL";
  // Few checkpoints, and a cache that has the open jobs.
  sql_ << "PRAGMA wal_autocheckpoint = 16000";
  sql_ << "PRAGMA cache_size = -32768";
  sql_ << "PRAGMA journal_size_limit = 67108864";
  sql_ << "PRAGMA secure_delete = FAST";  // what is removed is not written once more
}

void Store::probe() { sql_ << "UPDATE meta SET value = value WHERE name = 'schema_version'"; }

std::string Store::instance(std::string made_up) {
  sql_ << "INSERT INTO meta (name, value) VALUES ('instance', :name) ON CONFLICT (name) DO NOTHING",
      soci::use(made_up);
  sql_ << "SELECT value FROM meta WHERE name = 'instance'", soci::into(made_up);
  return made_up;
}

void Store::finish() {
  if (number(sql_, "PRAGMA wal_checkpoint(TRUNCATE)") != 0)
    throw std::runtime_error("another program reads it");
  keep_log(false);
}

void Store::keep_log(bool stays) {
  int flag = stays ? 1 : 0;
  auto* connection = static_cast<soci::sqlite3_session_backend*>(sql_.get_backend())->conn_;
  sqlite_api::sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &flag);
}

void Store::write(std::span<const Entry* const> entries) {
  soci::transaction all(sql_);
  for (const Entry* entry : entries) jobs_->put(*entry, moments_.of(entry->begun));
  all.commit();
}

void Store::write(std::span<const JobRecord> records) {
  Appender encoding;
  soci::transaction all(sql_);
  for (const JobRecord& record : records) {
    const Entry entry = entry_of(record, encoding);
    jobs_->put(entry, moments_.of(entry.begun));
  }
  all.commit();
}

std::size_t Store::tidy(const Keep& keep) {
  const auto ids =
      jobs_->oldest_over(std::min(beyond(keep, jobs_->over(), bytes_used(sql_)), HistoryFile::tidy_bite));
  if (!ids.empty()) remove(ids);
  return ids.size();
}

void Store::remove(std::span<const LogId> ids) {
  soci::transaction all(sql_);
  for (const LogId id : ids) jobs_->remove(id);
  all.commit();
}

std::vector<JobRecord> Store::open_jobs() { return jobs_->open(); }

}  // namespace elves::journal
