#include "journal/schema.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <array>
#include <charconv>
#include <span>
#include <stdexcept>
#include <string>

#include "base/log.h"
#include "journal/database.h"
#include "journal/history_file.h"
#include "journal/version_1.h"

namespace elves::journal {

namespace {

// The statements that lead from version N to N + 1 are row N. A row that was released never changes.
//
// Version 1. job: one row per execution. log_id: 16 hex digits. state: 0 received, 1 accepted, 2 settled,
// 3 published. created: microseconds since 1970 at which it was first written, rising with every job;
// changed: milliseconds at which it was last written. record: a StoredRecord of idl/journal.thrift as base64.
constexpr std::array version_1{
    "CREATE TABLE job (log_id CHAR(16) PRIMARY KEY, state SMALLINT NOT NULL, agent_ip VARCHAR(64) NOT NULL, "
    "created BIGINT NOT NULL, changed BIGINT NOT NULL, record TEXT NOT NULL)",
    "CREATE INDEX job_created ON job (created, agent_ip)",
    "CREATE INDEX job_open ON job (created) WHERE state < 3",
};
// Version 2. job: one row per execution that is not over, so no more state 3; the record as bytes.
// history: the others, in blocks as they were written. newest: the greatest `created` of a block's jobs;
// ended: milliseconds since 1970 at which it was written. jobs: a StoredBlock of idl/journal.thrift.
constexpr std::array version_2{
    "ALTER TABLE job RENAME TO job_1",
    "CREATE TABLE job (created INTEGER PRIMARY KEY, log_id CHAR(16) NOT NULL UNIQUE, state SMALLINT NOT "
    "NULL, "
    "agent_ip VARCHAR(64) NOT NULL, record BLOB NOT NULL)",
    "CREATE TABLE history (newest INTEGER PRIMARY KEY, ended BIGINT NOT NULL, count INTEGER NOT NULL, "
    "first_id CHAR(16) NOT NULL, last_id CHAR(16) NOT NULL, jobs BLOB NOT NULL)",
    "CREATE INDEX history_ids ON history (last_id, first_id)",
};
// Version 3. job: also state 3 again, for a job that is over until it is in the history. The history is in a
// file of its own (journal/history_file.cc).
constexpr std::array version_3{"DROP TABLE history"};
constexpr std::array<std::span<const char* const>, 3> migrations{version_1, version_2, version_3};

int version_of(soci::session& sql) {
  std::string text;
  sql << "SELECT value FROM meta WHERE name = 'schema_version'", soci::into(text);
  if (!sql.got_data()) return 0;
  int version = -1;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, version);
  if (fault != std::errc() || stop != end || version < 0 || version > static_cast<int>(migrations.size())) {
    throw std::runtime_error(
        fmt::format("its schema version is {}, and this program knows up to {}: use the program "
                    "that wrote it, or move it away",
                    text, migrations.size()));
  }
  return version;
}

void set_version(soci::session& sql, std::size_t version) {
  const std::string now = std::to_string(version);
  sql << "INSERT INTO meta (name, value) VALUES ('schema_version', :now) "
         "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      soci::use(now);
}

// Committed before anything goes from the database itself; done twice it is the same.
void move_history(soci::session& sql, const std::string& to) try {
  HistoryFile::make(to);
  sql << "ATTACH :to AS past", soci::use(to);
  sql << "PRAGMA past.synchronous = EXTRA";
  sql << "INSERT OR REPLACE INTO past.history (newest, ended, count, first_id, last_id, jobs) "
         "SELECT newest, ended, count, first_id, last_id, jobs FROM main.history";
  sql << "DETACH past";
} catch (const std::exception& fault) {
  throw std::runtime_error(fmt::format("its finished jobs cannot move to {}: {}", to, reason(fault)));
}

// The file itself gets shorter with the checkpoint.
void make_small(soci::session& sql) try {
  sql << "VACUUM";
  number(sql, "PRAGMA wal_checkpoint(TRUNCATE)");
} catch (const std::exception& fault) {
  log::warn("the journal's file keeps the size that it had with its finished jobs: {}", reason(fault));
}

// From version `step` to the one after it.
void advance(soci::session& sql, std::size_t step) {
  soci::transaction all(sql);
  for (const char* statement : migrations[step]) sql << statement;
  if (step == 1) move_jobs_of_version_1(sql);
  set_version(sql, step + 1);
  all.commit();
}

}  // namespace

int current_version() { return static_cast<int>(migrations.size()); }

void migrate(soci::session& sql, const std::string& history) {
  sql << "CREATE TABLE IF NOT EXISTS meta (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL)";
  bool moved = false;
  for (auto step = static_cast<std::size_t>(version_of(sql)); step < migrations.size(); ++step) {
    if (step == 2 && number(sql, "SELECT count(*) FROM history") > 0) {
      move_history(sql, history);
      moved = true;
    }
    advance(sql, step);
  }
  if (moved) make_small(sql);
}

}  // namespace elves::journal
