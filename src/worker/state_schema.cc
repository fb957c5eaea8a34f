#include "worker/state_schema.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <array>
#include <cstdint>
#include <stdexcept>

#include "base/random_name.h"

namespace elves::worker {
namespace {

constexpr int kApplication = 0x454C5641;
constexpr int kVersion = 1;

// state: 0 waiting, 1 started, 2 ended, 3 reported. taken, reported: milliseconds since 1970. ended_order:
// rises with the ends, 0 before. bytes: about what the row takes up until it is reported. param and result
// stand last: SQLite reads a row from its start.
constexpr std::array kTables{
    "CREATE TABLE meta (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL)",
    "CREATE TABLE execution (number INTEGER PRIMARY KEY AUTOINCREMENT, state SMALLINT NOT NULL, "
    "repeated SMALLINT NOT NULL, exec_id TEXT NOT NULL, request TEXT NOT NULL, id TEXT NOT NULL, "
    "app TEXT NOT NULL, type TEXT NOT NULL, taken BIGINT NOT NULL, ended_order BIGINT NOT NULL, "
    "reported BIGINT NOT NULL, bytes BIGINT NOT NULL, ip TEXT NOT NULL, mode TEXT NOT NULL, "
    "func TEXT NOT NULL, proxy TEXT NOT NULL, timeout INTEGER NOT NULL, flag INTEGER NOT NULL, "
    "costtime INTEGER NOT NULL, param TEXT NOT NULL, result TEXT NOT NULL)",
    "CREATE INDEX execution_exec_id ON execution (exec_id)",
    "CREATE INDEX execution_id ON execution (id, app, type, request)",
    "CREATE INDEX execution_open ON execution (number) WHERE state < 2",
    "CREATE INDEX execution_ended ON execution (ended_order) WHERE state = 2",
    "CREATE INDEX execution_reported ON execution (reported) WHERE state = 3",
};

int number_of(soci::session& sql, const char* query) {
  int value = 0;
  sql << query, soci::into(value);
  return value;
}

void make_tables(soci::session& sql) {
  const auto id = random_name();
  soci::transaction all(sql);
  for (const char* statement : kTables) sql << statement;
  sql << "INSERT INTO meta (name, value) VALUES ('id', :id)", soci::use(id);
  sql << fmt::format("PRAGMA application_id = {}", kApplication);
  sql << fmt::format("PRAGMA user_version = {}", kVersion);
  all.commit();
}

}  // namespace

std::string open_schema(soci::session& sql) {
  if (number_of(sql, "SELECT count(*) FROM sqlite_master") == 0) make_tables(sql);
  if (number_of(sql, "PRAGMA application_id") != kApplication) {
    throw std::runtime_error("it is a database of something else");
  }
  const int version = number_of(sql, "PRAGMA user_version");
  if (version != kVersion) {
    throw std::runtime_error(
        fmt::format("its version is {}, and this program knows up to {}", version, kVersion));
  }
  std::string id;
  sql << "SELECT value FROM meta WHERE name = 'id'", soci::into(id);
  return id;
}

}  // namespace elves::worker
