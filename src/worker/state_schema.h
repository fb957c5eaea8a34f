// The tables of the agent's state.
#pragma once

#include <soci/session.h>

#include <string>

namespace elves::worker {

// Makes the tables in an empty file; changes nothing in one of this version. Answers the file's id. Throws
// std::runtime_error for a file of something else or of a newer version, soci_error when the database fails.
std::string open_schema(soci::session& sql);

}  // namespace elves::worker
