#include "journal/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "journal/schema.h"

namespace elves::journal {

namespace {

// The file holds what jobs were given, so it is not for everybody to read.
void make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) throw std::runtime_error(std::strerror(errno));
  ::close(fd);
}

// Takes no locks for what only one thread at a time does. In vain when the library is in use already.
void configure_sqlite() {
  sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
  sqlite_api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

std::string connect_string(const std::string& path) {
  configure_sqlite();
  make_file(path);
  if (path.find('"') != std::string::npos) throw std::runtime_error("a quotation mark in its name");
  return fmt::format("db=\"{}\" timeout=5", path);
}

// The first of them, up to a limit.
std::vector<JobRecord> undated(std::vector<DatedRecord> dated, std::size_t most, std::size_t bytes) {
  std::vector<JobRecord> records;
  records.reserve(std::min(dated.size(), most));
  std::size_t weight = 0;
  for (DatedRecord& one : dated) {
    if (records.size() >= most || weight >= bytes) break;
    weight += weight_of(one.record);
    records.push_back(std::move(one.record));
  }
  return records;
}

std::vector<JobRecord> undated(std::vector<DatedRecord> dated) {
  return undated(std::move(dated), SIZE_MAX, SIZE_MAX);
}

}  // namespace

Store::Store(const std::string& path) : sql_(soci::sqlite3, connect_string(path)) {
  set_up();
  migrate(sql_);
  open_.emplace(sql_);
  history_.emplace(sql_);
  last_created_ = std::max(open_->newest(), history_->newest());
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
}

void Store::probe() { sql_ << "UPDATE meta SET value = value WHERE name = 'schema_version'"; }

std::string Store::instance(std::string made_up) {
  sql_ << "INSERT INTO meta (name, value) VALUES ('instance', :name) ON CONFLICT (name) DO NOTHING",
      soci::use(made_up);
  sql_ << "SELECT value FROM meta WHERE name = 'instance'", soci::into(made_up);
  return made_up;
}

void Store::finish() {
  int busy = 0;
  sql_ << "PRAGMA wal_checkpoint(TRUNCATE)", soci::into(busy);
  if (busy != 0) throw std::runtime_error("another program reads it");
  keep_log(false);
}

void Store::keep_log(bool stays) {
  int flag = stays ? 1 : 0;
  auto* connection = static_cast<soci::sqlite3_session_backend*>(sql_.get_backend())->conn_;
  sqlite_api::sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &flag);
}

void Store::write(std::span<const JobRecord* const> records) {
  soci::transaction all(sql_);
  for (const JobRecord* record : records) {
    last_created_ = std::max(last_created_ + 1, since_1970<std::chrono::microseconds>());
    if (record->state != JobState::published) {
      open_->put(*record, last_created_);
    } else {
      history_->add(*record, open_->remove(record->job->log_id).value_or(last_created_));
    }
  }
  history_->flush();
  all.commit();
}

std::vector<JobRecord> Store::open_jobs() { return undated(open_->all()); }

std::vector<JobRecord> Store::find(LogId id) {
  auto found = open_->find(id);
  return undated(found.empty() ? history_->find(id) : std::move(found));
}

std::vector<JobRecord> Store::list(const JobFilter& filter) {
  std::vector<DatedRecord> found = open_->list(filter);
  if (filter.state.empty() || filter.state == "done" || filter.state == state_name(JobState::published)) {
    const auto reopened = [this](LogId id) { return open_->holds(id); };
    std::ranges::move(history_->list(filter, reopened), std::back_inserter(found));
  }
  std::ranges::sort(found, std::ranges::greater{}, &DatedRecord::created);
  return undated(std::move(found), filter.limit, filter.bytes);
}

std::size_t Store::tidy(const Keep& keep) {
  soci::transaction all(sql_);
  const auto oldest = since_1970<Millis>() - std::chrono::duration_cast<Millis>(keep.age).count();
  std::size_t removed = history_->remove_before(oldest, tidy_bite);
  if (removed == 0) removed = history_->remove_oldest(std::min(beyond_limits(keep), tidy_bite));
  if (removed > 0) all.commit();
  return removed;
}

std::size_t Store::beyond_limits(const Keep& keep) {
  const std::size_t jobs = history_->jobs();
  const std::size_t by_count = jobs - std::min(jobs, keep.count);
  const auto pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
  const auto bytes =
      static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(number("PRAGMA page_size"));
  if (bytes <= keep.bytes) return by_count;
  // As many as make up the excess when all are alike.
  const double share = static_cast<double>(bytes - keep.bytes) / static_cast<double>(bytes);
  return std::max(by_count, static_cast<std::size_t>(share * static_cast<double>(jobs)) + 1);
}

long long Store::number(const char* query) {
  long long value = 0;
  soci::indicator known = soci::i_ok;
  sql_ << query, soci::into(value, known);
  return known == soci::i_ok ? value : 0;
}

std::string reason(const std::exception& fault) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault)) {
    return sqlite_api::sqlite3_errstr(sqlite->result());
  }
  if (const auto* soci = dynamic_cast<const soci::soci_error*>(&fault)) return soci->get_error_message();
  return fault.what();
}

bool is_damage(const std::exception& fault) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault);
  const int code = sqlite != nullptr ? sqlite->result() & 0xFF : SQLITE_OK;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

}  // namespace elves::journal
