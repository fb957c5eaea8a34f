#include "journal/database.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace elves::journal {

namespace {

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

int code_of(const std::exception& fault) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault);
  return sqlite != nullptr ? sqlite->result() & 0xFF : SQLITE_OK;
}

}  // namespace

std::string connect_string(const std::string& path, int timeout_seconds) {
  configure_sqlite();
  make_file(path);
  if (path.find('"') != std::string::npos) throw std::runtime_error("a quotation mark in its name");
  return fmt::format("db=\"{}\" timeout={}", path, timeout_seconds);
}

long long number(soci::session& sql, const std::string& query) {
  long long value = 0;
  soci::indicator known = soci::i_ok;
  sql << query, soci::into(value, known);
  return known == soci::i_ok ? value : 0;
}

std::uint64_t bytes_used(soci::session& sql) {
  const auto pages = number(sql, "PRAGMA page_count") - number(sql, "PRAGMA freelist_count");
  return static_cast<std::uint64_t>(pages * number(sql, "PRAGMA page_size"));
}

std::string reason(const std::exception& fault) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault)) {
    return sqlite_api::sqlite3_errstr(sqlite->result());
  }
  if (const auto* soci = dynamic_cast<const soci::soci_error*>(&fault)) return soci->get_error_message();
  return fault.what();
}

bool is_damage(const std::exception& fault) {
  if (dynamic_cast<const Damage*>(&fault) != nullptr) return true;
  const int code = code_of(fault);
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool is_disk_failure(const std::exception& fault) {
  const int code = code_of(fault);
  return code == SQLITE_FULL || code == SQLITE_IOERR;
}

std::string name_aside(const std::string& path) {
  const auto now = fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  const auto name = fmt::format("{}.damaged-{:%Y%m%dT%H%M%SZ}", path, now);
  const auto is_free = [](const std::string& file) {
    std::error_code unknown;
    return !std::filesystem::exists(file, unknown);
  };
  for (int number = 2;; ++number) {
    auto candidate = number == 2 ? name : fmt::format("{}-{}", name, number);
    if (is_free(candidate) && is_free(candidate + "-wal")) return candidate;
  }
}

}  // namespace elves::journal
