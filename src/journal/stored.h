// Between the values of this program and those of idl/journal.thrift.
#pragma once

#include "dispatch/ports.h"
#include "elves/journal_types.h"

namespace elves::journal {

// Everything but the record's state.
StoredRecord to_stored(const JobRecord& record);
// An error code that this program does not know becomes `internal`.
JobRecord from_stored(StoredRecord&& stored);

}  // namespace elves::journal
