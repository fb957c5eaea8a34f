// A JobRecord as bytes: Thrift's compact protocol, as in idl/journal.thrift.
#pragma once

#include <string_view>

#include "base/appender.h"
#include "dispatch/ports.h"
#include "journal/rows.h"

namespace elves::journal {

// Everything of the record but its state, appended to `to`. Times are kept to the microsecond.
void encode_record(const JobRecord& record, Appender& to);

// The record as an entry. `memory` is for the work, and holds nothing before and after.
Entry entry_of(const JobRecord& record, Appender& memory);

// The reverse of encode_record(); the state comes from elsewhere. An error code that this program does not
// know becomes `internal`. The error says what is wrong with the bytes.
Result<JobRecord> decode_record(std::string_view bytes, JobState state);

}  // namespace elves::journal
