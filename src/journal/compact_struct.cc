#include "journal/compact_struct.h"

#include <algorithm>

namespace elves::journal {

namespace {

constexpr int type_binary = 8;
constexpr int type_list = 9;
constexpr int type_struct = 12;

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

constexpr std::size_t most_head = 24;  // a type, a short id and a long number

// Each writes at `to` and answers where it ended.
char* put(char* to, int byte) {
  *to = static_cast<char>(byte);
  return to + 1;
}

char* put_varint(char* to, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) to = put(to, static_cast<int>(value & 0x7F) | 0x80);
  return put(to, static_cast<int>(value));
}

char* put_field(char* to, int id, int& last, int type) {
  const int step = id - last;
  last = id;
  if (step <= 15) return put(to, step << 4 | type);
  return put_varint(put(to, type), zigzag(id));
}

}  // namespace

void CompactStruct::flag(int id, bool value) {
  to_.wrote_to(put_field(to_.room(most_head), id, last_, value ? 1 : 2));
}

void CompactStruct::bytes(int id, std::string_view value) {
  to_.wrote_to(put_varint(put_field(to_.room(most_head), id, last_, type_binary), value.size()));
  to_.append(value);
}

CompactStruct CompactStruct::inner(int id) {
  to_.wrote_to(put_field(to_.room(most_head), id, last_, type_struct));
  return CompactStruct(to_);
}

void CompactStruct::list(int id, std::size_t size) {
  constexpr std::size_t in_a_varint = 15;
  char* end = put_field(to_.room(most_head), id, last_, type_list);
  end = put(end, static_cast<int>(std::min(size, in_a_varint)) << 4 | type_struct);
  to_.wrote_to(size < in_a_varint ? end : put_varint(end, size));
}

void CompactStruct::integer(int id, int type, std::int64_t value) {
  char* const head = put_field(to_.room(most_head), id, last_, type);
  to_.wrote_to(put_varint(head, zigzag(value)));
}

}  // namespace elves::journal
