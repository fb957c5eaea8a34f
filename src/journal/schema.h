// The journal's tables and how older files become today's.
#pragma once

#include <soci/session.h>

#include <string>

namespace elves::journal {

// The version that this program writes.
int current_version();

// Brings the database to the current version, one transaction for each step; an empty one gets its tables.
// The finished jobs of versions before 3 go to the HistoryFile at `history`. Throws std::runtime_error when
// the version is not one this program knows, soci_error when a database fails; what was not done then is done
// at the next call.
void migrate(soci::session& sql, const std::string& history);

}  // namespace elves::journal
