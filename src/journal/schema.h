// The journal's tables and how older files become today's.
#pragma once

#include <soci/session.h>

namespace elves::journal {

// The version that this program writes.
int current_version();

// Brings the database to the current version in one transaction; an empty one gets its tables. Throws
// std::runtime_error when the version is not one this program knows, soci_error when the database fails.
void migrate(soci::session& sql);

}  // namespace elves::journal
