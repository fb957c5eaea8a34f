#include "journal/compact_struct.h"

#include <algorithm>
#include <array>

namespace elves::journal {

namespace {

constexpr int type_binary = 8;
constexpr int type_list = 9;
constexpr int type_struct = 12;

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

// What stands before a field's bytes, gathered so that the string grows once.
class Head {
 public:
  void byte(int value) { bytes_[size_++] = static_cast<char>(value); }
  void varint(std::uint64_t value) {
    for (; value > 0x7F; value >>= 7) byte(static_cast<int>(value & 0x7F) | 0x80);
    byte(static_cast<int>(value));
  }
  void field(int id, int& last, int type) {
    const int step = id - last;
    last = id;
    if (step <= 15) return byte(step << 4 | type);
    byte(type);
    varint(zigzag(id));
  }
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 24> bytes_;  // a type, a short id and a long number
  std::size_t size_ = 0;
};

}  // namespace

void CompactStruct::flag(int id, bool value) {
  Head head;
  head.field(id, last_, value ? 1 : 2);
  to_ += head.text();
}

void CompactStruct::bytes(int id, std::string_view value) {
  Head head;
  head.field(id, last_, type_binary);
  head.varint(value.size());
  to_ += head.text();
  to_ += value;
}

CompactStruct CompactStruct::inner(int id) {
  Head head;
  head.field(id, last_, type_struct);
  to_ += head.text();
  return CompactStruct(to_);
}

void CompactStruct::list(int id, std::size_t size) {
  constexpr std::size_t in_a_varint = 15;
  Head head;
  head.field(id, last_, type_list);
  head.byte(static_cast<int>(std::min(size, in_a_varint)) << 4 | type_struct);
  if (size >= in_a_varint) head.varint(size);
  to_ += head.text();
}

void CompactStruct::integer(int id, int type, std::int64_t value) {
  Head head;
  head.field(id, last_, type);
  head.varint(zigzag(value));
  to_ += head.text();
}

}  // namespace elves::journal
