// Reads what Thrift's compact protocol holds.
#pragma once

#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace elves::journal {

// A generated struct from its bytes; throws std::exception when they are none.
template <class Struct>
Struct read_compact(std::string_view bytes) {
  using apache::thrift::transport::TMemoryBuffer;
  // It observes, and does not write to what it observes.
  auto* from = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
  const auto limits = std::make_shared<apache::thrift::TConfiguration>(static_cast<int>(bytes.size()));
  const auto buffer = std::make_shared<TMemoryBuffer>(from, static_cast<std::uint32_t>(bytes.size()),
                                                      TMemoryBuffer::OBSERVE, limits);
  apache::thrift::protocol::TCompactProtocolT<TMemoryBuffer> protocol(buffer);
  Struct read;
  read.read(&protocol);
  return read;
}

}  // namespace elves::journal
