// Files of version 1 of the schema.
#pragma once

#include <soci/session.h>

namespace elves::journal {

// Moves the jobs of the table job_1, as version 1 had it, to those of version 2, and removes it. Throws
// soci_error when the database fails; an entry that is damaged is left out, with a line in the log.
void move_jobs_of_version_1(soci::session& sql);

}  // namespace elves::journal
