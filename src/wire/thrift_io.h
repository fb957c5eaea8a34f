// What codec and service share: Thrift messages in memory, and the generated structs from and to values. Only
// for sources of this room: it brings in the generated code.
#pragma once

#include <elves/elves_types.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/instruction.h"
#include "model/outcome.h"

namespace elves::wire {

using MessageType = apache::thrift::protocol::TMessageType;
using MemoryProtocol = apache::thrift::protocol::TBinaryProtocolT<apache::thrift::transport::TMemoryBuffer>;

template <class Body>
std::string encode_message(const std::string& method, MessageType type, std::int32_t sequence,
                           const Body& body) {
  const auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  MemoryProtocol out(buffer);
  out.writeMessageBegin(method, type, sequence);
  body.write(&out);
  out.writeMessageEnd();
  return buffer->getBufferAsString();
}

// In a list; more are refused, because they take far more memory than they have bytes.
inline constexpr std::int32_t max_elements = 65536;

// Reads one message, which must outlive it. Throws std::exceptions (Thrift's) on bytes that are not exactly
// one whole message, or not the one that is read, or have a list of more than max_elements.
class MessageReader {
 public:
  explicit MessageReader(std::string_view message);

  const std::string& method() const { return method_; }
  MessageType type() const { return type_; }
  std::int32_t sequence() const { return sequence_; }

  // The struct that is the message's body and ends it.
  template <class Body>
  void read(Body& body) {
    body.read(&in_);
    in_.readMessageEnd();
  }

 private:
  MemoryProtocol in_;
  std::string method_;
  MessageType type_{};
  std::int32_t sequence_ = 0;
};

// `text`, from a peer or a library, short enough for a log line or an error's detail.
std::string brief(std::string_view text);

void to_wire(AgentResult result, thrift::Reinstruct& out);
// These take the strings out of what they read.
Instruction from_wire(thrift::Instruct& ins);
AgentResult from_wire(thrift::Reinstruct& reins);

}  // namespace elves::wire
