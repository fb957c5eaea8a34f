// Writes a struct in Thrift's compact protocol field by field, without a copy of it in generated types.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/appender.h"

namespace elves::journal {

// Fields come in the rising order of their ids, and end() after the last.
class CompactStruct {
 public:
  // Appends to `to`, which must live as long.
  explicit CompactStruct(Appender& to) : to_(to) {}

  void flag(int id, bool value);
  void i32(int id, std::int32_t value) { integer(id, 5, value); }  // an enum, too
  void i64(int id, std::int64_t value) { integer(id, 6, value); }
  void bytes(int id, std::string_view value);
  // To be ended before the next field.
  CompactStruct inner(int id);
  // As many structs are to follow at once, each of its own.
  void list(int id, std::size_t size);
  void end() { to_.push('\0'); }

 private:
  void integer(int id, int type, std::int64_t value);

  Appender& to_;
  int last_ = 0;
};

}  // namespace elves::journal
