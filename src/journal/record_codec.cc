#include "journal/record_codec.h"

#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <exception>
#include <memory>

#include "elves/journal_types.h"
#include "journal/base64.h"
#include "journal/stored.h"

namespace elves::journal {

namespace {

using apache::thrift::protocol::TCompactProtocolT;
using apache::thrift::transport::TMemoryBuffer;

JobRecord parse(std::string& bytes) {
  const auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<std::uint8_t*>(bytes.data()),
                                                      static_cast<std::uint32_t>(bytes.size()));
  TCompactProtocolT<TMemoryBuffer> protocol(buffer);
  StoredRecord stored;
  stored.read(&protocol);
  return from_stored(std::move(stored));
}

}  // namespace

std::string encode_record(const JobRecord& record) {
  const auto buffer = std::make_shared<TMemoryBuffer>();
  TCompactProtocolT<TMemoryBuffer> protocol(buffer);
  to_stored(record).write(&protocol);
  std::uint8_t* bytes = nullptr;
  std::uint32_t size = 0;
  buffer->getBuffer(&bytes, &size);
  return base64_encode({reinterpret_cast<const char*>(bytes), size});
}

Result<JobRecord> decode_record(std::string_view text, JobState state) {
  try {
    std::optional<std::string> bytes = base64_decode(text);
    if (!bytes) return Error{ErrorCode::internal, "not base64"};
    JobRecord record = parse(*bytes);
    record.state = state;
    return record;
  } catch (const std::exception& fault) {
    return Error{ErrorCode::internal, fault.what()};
  }
}

}  // namespace elves::journal
