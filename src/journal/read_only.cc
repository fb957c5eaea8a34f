#include "journal/read_only.h"

#include <sqlite3.h>

#include <stdexcept>

#include "journal/database.h"

namespace elves::journal {
namespace {

constexpr int kPatienceMs = 5000;

[[noreturn]] void fail(sqlite3* connection) {
  const int code = sqlite3_errcode(connection) & 0xFF;
  const char* const why = sqlite3_errmsg(connection);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) throw Damage(why);
  throw std::runtime_error(why);
}

}  // namespace

void ReadOnly::Close::operator()(sqlite3* connection) const { sqlite3_close(connection); }
void Query::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

ReadOnly::ReadOnly(const std::string& path) {
  sqlite3* connection = nullptr;
  const int fault =
      sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_.reset(connection);
  if (fault != SQLITE_OK) throw std::runtime_error(sqlite3_errstr(fault));
  sqlite3_busy_timeout(connection, kPatienceMs);
  // The write-ahead log is its writer's to tidy up.
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void ReadOnly::hold_still() { Query(*this, "BEGIN").next(); }

Query::Query(ReadOnly& connection, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int fault = sqlite3_prepare_v2(connection.connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                       &statement, nullptr);
  statement_.reset(statement);
  if (fault != SQLITE_OK) fail(connection.connection_.get());
}

bool Query::next() {
  const int step = sqlite3_step(statement_.get());
  if (step != SQLITE_ROW && step != SQLITE_DONE) fail(sqlite3_db_handle(statement_.get()));
  return step == SQLITE_ROW;
}

long long Query::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Query::bytes(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

void Query::reset() { sqlite3_reset(statement_.get()); }

void Query::bind(int place, long long value) {
  if (sqlite3_bind_int64(statement_.get(), place, value) != SQLITE_OK)
    fail(sqlite3_db_handle(statement_.get()));
}

void Query::bind(int place, std::string_view text) {
  const int size = static_cast<int>(text.size());
  if (sqlite3_bind_text(statement_.get(), place, text.data(), size, SQLITE_STATIC) != SQLITE_OK)
    fail(sqlite3_db_handle(statement_.get()));
}

}  // namespace elves::journal
