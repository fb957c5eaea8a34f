#include "journal/compact_struct.h"

namespace elves::journal {

namespace {

constexpr int type_binary = 8;
constexpr int type_list = 9;
constexpr int type_struct = 12;

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

void CompactStruct::bytes(int id, std::string_view value) {
  header(id, type_binary);
  varint(value.size());
  to_.append(value);
}

CompactStruct CompactStruct::inner(int id) {
  header(id, type_struct);
  return CompactStruct(to_);
}

void CompactStruct::list(int id, std::size_t size) {
  header(id, type_list);
  constexpr std::size_t in_a_varint = 15;
  to_.push_back(static_cast<char>((size < in_a_varint ? size : in_a_varint) << 4 | type_struct));
  if (size >= in_a_varint) varint(size);
}

void CompactStruct::header(int id, int type) {
  const int step = id - last_;
  last_ = id;
  if (step <= 15) return to_.push_back(static_cast<char>(step << 4 | type));
  to_.push_back(static_cast<char>(type));
  varint(zigzag(id));
}

void CompactStruct::integer(int id, int type, std::int64_t value) {
  header(id, type);
  varint(zigzag(value));
}

void CompactStruct::varint(std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) to_.push_back(static_cast<char>(value | 0x80));
  to_.push_back(static_cast<char>(value));
}

}  // namespace elves::journal
