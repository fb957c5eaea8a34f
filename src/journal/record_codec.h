// A JobRecord as text: Thrift's compact protocol (idl/journal.thrift), in base64.
#pragma once

#include <string>
#include <string_view>

#include "dispatch/ports.h"

namespace elves::journal {

// Everything of the record but its state. Times are kept to the microsecond.
std::string encode_record(const JobRecord& record);

// The reverse; the state comes from elsewhere. The error says what is wrong with the text.
Result<JobRecord> decode_record(std::string_view text, JobState state);

}  // namespace elves::journal
