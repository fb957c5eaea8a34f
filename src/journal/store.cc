#include "journal/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>

#include "base/log.h"
#include "journal/record_codec.h"
#include "journal/schema.h"

namespace elves::journal {

namespace {

// The number of a state in job.state is its place.
constexpr std::array states{JobState::received, JobState::accepted, JobState::settled, JobState::published};

int number_of(JobState state) { return static_cast<int>(std::ranges::find(states, state) - states.begin()); }

template <class Unit>
long long since_1970() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch()).count();
}

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

// The condition of a state in JobFilter; nullopt when there is no such state. "state < 3" as it stands in the
// partial index, so that it is used.
std::optional<std::string> state_condition(const std::string& state) {
  if (state.empty()) return "state <= 3";
  if (state == "open") return "state < 3";
  if (state == "done") return "state = 3";
  for (const JobState known : states) {
    if (state != state_name(known)) continue;
    return known == JobState::published ? "state = 3"
                                        : fmt::format("state < 3 AND state = {}", number_of(known));
  }
  return std::nullopt;
}

Result<JobRecord> decode(int state, const std::string& record) {
  if (state < 0 || state >= static_cast<int>(states.size()))
    return Error{ErrorCode::internal, "unknown state"};
  return decode_record(record, states[static_cast<std::size_t>(state)]);
}

}  // namespace

Store::Store(const std::string& path) : sql_(soci::sqlite3, connect_string(path)), upsert_(sql_) {
  set_up();
  migrate(sql_);
  upsert_ = (sql_.prepare << "INSERT INTO job (log_id, state, agent_ip, created, changed, record) "
                             "VALUES (:log_id, :state, :agent_ip, :created, :changed, :record) "
                             "ON CONFLICT (log_id) DO UPDATE SET state = excluded.state, "
                             "changed = excluded.changed, record = excluded.record",
             soci::use(row_.log_id), soci::use(row_.state), soci::use(row_.agent_ip), soci::use(row_.created),
             soci::use(row_.changed), soci::use(row_.record));
  published_ = static_cast<std::size_t>(number("SELECT count(*) FROM job") -
                                        number("SELECT count(*) FROM job WHERE state < 3"));
}

void Store::set_up() {
  std::string mode;
  sql_ << "PRAGMA journal_mode = WAL", soci::into(mode);
  if (mode != "wal") throw std::runtime_error("no write-ahead log is possible here: " + mode);
  keep_log(true);
  sql_ << "PRAGMA synchronous = FULL";
  // Every new log id touches another page of its index, so that cache and few checkpoints pay.
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
  std::size_t published = 0;
  soci::transaction all(sql_);
  row_.changed = since_1970<Millis>();
  for (const JobRecord* record : records) {
    row_.log_id = record->job->log_id.text();
    row_.state = number_of(record->state);
    row_.agent_ip = record->job->agent_ip;
    row_.created = last_created_ = std::max(last_created_ + 1, since_1970<std::chrono::microseconds>());
    row_.record = encode_record(*record);
    upsert_.execute(true);
    if (record->state == JobState::published) ++published;
  }
  all.commit();
  published_ += published;
}

std::vector<JobRecord> Store::open_jobs() { return select("WHERE state < 3 ORDER BY created", {}); }

std::vector<JobRecord> Store::find(LogId id) { return select("WHERE log_id = :id", {id.text()}); }

std::vector<JobRecord> Store::list(const JobFilter& filter) {
  const auto state = state_condition(filter.state);
  if (!state) return {};
  const auto limit = std::min<std::size_t>(filter.limit, std::numeric_limits<std::int32_t>::max());
  const auto order = fmt::format("ORDER BY created DESC LIMIT {}", limit);
  if (filter.ip.empty()) return select(fmt::format("WHERE {} {}", *state, order), {});
  return select(fmt::format("WHERE {} AND agent_ip = :ip {}", *state, order), {filter.ip});
}

std::vector<JobRecord> Store::select(const std::string& rest, const std::vector<std::string>& arguments) {
  std::vector<JobRecord> found;
  Row row;
  soci::statement rows(sql_);
  for (const std::string& argument : arguments) rows.exchange(soci::use(argument));
  rows.exchange(soci::into(row.log_id));
  rows.exchange(soci::into(row.state));
  rows.exchange(soci::into(row.record));
  rows.alloc();
  rows.prepare("SELECT log_id, state, record FROM job " + rest);
  rows.define_and_bind();
  rows.execute();
  while (rows.fetch()) {
    auto record = decode(row.state, row.record);
    if (record) {
      found.push_back(std::move(*record));
    } else {
      log::error("the journal's entry of job {} is damaged: {}", row.log_id, record.error().detail);
    }
  }
  return found;
}

std::size_t Store::tidy(const Keep& keep) {
  const auto age = std::chrono::duration_cast<Millis>(keep.age).count();
  const long long oldest = since_1970<Millis>() - age;
  const auto too_old = fmt::format("state = 3 AND created < {} AND changed < {}", oldest * 1000, oldest);
  const std::size_t removed = remove_oldest(too_old, tidy_bite);
  if (removed > 0) return removed;
  const std::size_t beyond = std::min(beyond_limits(keep), tidy_bite);
  return beyond == 0 ? 0 : remove_oldest("state = 3", beyond);
}

std::size_t Store::beyond_limits(const Keep& keep) {
  const std::size_t by_count = published_ - std::min(published_, keep.count);
  const auto pages = number("PRAGMA page_count") - number("PRAGMA freelist_count");
  const auto bytes =
      static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(number("PRAGMA page_size"));
  if (bytes <= keep.bytes) return by_count;
  // As many as make up the excess when all are alike.
  const double share = static_cast<double>(bytes - keep.bytes) / static_cast<double>(bytes);
  return std::max(by_count, static_cast<std::size_t>(share * static_cast<double>(published_)) + 1);
}

std::size_t Store::remove_oldest(const std::string& where, std::size_t most) {
  soci::statement removal =
      (sql_.prepare << fmt::format(
           "DELETE FROM job WHERE log_id IN (SELECT log_id FROM job WHERE {} ORDER BY created LIMIT {})",
           where, most));
  removal.execute(true);
  const auto removed = static_cast<std::size_t>(std::max(removal.get_affected_rows(), 0LL));
  published_ -= std::min(published_, removed);
  return removed;
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
