// What the journal's SQLite files have in common.
#pragma once

#include <soci/session.h>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace elves::journal {

// For soci::sqlite3; makes the file when it is not there, for its owner and group only (it holds what jobs
// were given). Another program's lock is waited for so long. Throws std::runtime_error with why it cannot be
// opened.
std::string connect_string(const std::string& path, int timeout_seconds);

// The one number that a query answers; NULL is 0. Throws soci_error.
long long number(soci::session& sql, const std::string& query);

// Without pages that are free.
std::uint64_t bytes_used(soci::session& sql);

// What is in a file is no longer what was written to it.
struct Damage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Why a database failed, in few words.
std::string reason(const std::exception& fault);
// Whether it failed because what is in the file is no longer what was written to it.
bool is_damage(const std::exception& fault);
// Whether the disk is full, or does not take what is written to it.
bool is_disk_failure(const std::exception& fault);

// `path`.damaged-TIME, where nothing is yet: what was moved aside earlier stays.
std::string name_aside(const std::string& path);

}  // namespace elves::journal
