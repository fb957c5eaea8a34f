#include "wire/binary.h"

#include <algorithm>

namespace elves::wire::binary {

namespace {

constexpr std::uint32_t kStrict = 0x80010000;
constexpr std::size_t kMostHead = 12;               // what a field or a message has besides its text
constexpr std::uint32_t kLargestSize = 0x7fffffff;  // sizes and counts are signed on the wire

}  // namespace

char* Writer::put_text(char* to, std::string_view text) {
  return std::copy_n(text.data(), text.size(), put(to, static_cast<std::uint32_t>(text.size())));
}

void Writer::message(std::string_view method, std::uint8_t kind, std::int32_t sequence) {
  char* const name = put(out_.room(kMostHead + method.size()), kStrict | kind);
  out_.wrote_to(put(put_text(name, method), static_cast<std::uint32_t>(sequence)));
}

void Writer::field(Type type, std::int16_t id) { out_.wrote_to(put_head(out_.room(kMostHead), type, id)); }

void Writer::field(std::int16_t id, std::string_view value) {
  char* const size = put_head(out_.room(kMostHead), Type::string, id);
  out_.wrote_to(put(size, static_cast<std::uint32_t>(value.size())));
  out_.append(value);
}

void Writer::field(std::int16_t id, std::int32_t number) {
  out_.wrote_to(put(put_head(out_.room(kMostHead), Type::i32, id), static_cast<std::uint32_t>(number)));
}

void Writer::yes(std::int16_t id) {
  out_.wrote_to(put(put_head(out_.room(kMostHead), Type::boolean, id), std::uint8_t{1}));
}

void Writer::list_of_structs(std::size_t count) {
  char* const size = put(out_.room(kMostHead), static_cast<std::uint8_t>(Type::structure));
  out_.wrote_to(put(size, static_cast<std::uint32_t>(count)));
}

std::size_t Reader::size() {
  const auto size = get<std::uint32_t>();
  if (size > kLargestSize) throw Malformed("negative size");
  return size;
}

Reader::Head Reader::message() {
  const auto version = get<std::uint32_t>();
  if ((version & 0xffffff00U) != kStrict) throw Malformed("no strict Thrift binary message");
  const Head head{static_cast<std::uint8_t>(version), string()};
  get<std::uint32_t>();
  return head;
}

std::string_view Reader::string() { return bytes(size()); }

std::size_t Reader::list_of_structs() {
  const auto element = type();
  const auto count = size();
  if (count > 0 && element != Type::structure) throw Malformed("a list of something else than structs");
  return count;
}

// `deepest`: so many structs and containers may still be inside each other.
void Reader::skip(Type type, int deepest) {
  switch (type) {
    case Type::boolean:
    case Type::byte:
      bytes(1);
      return;
    case Type::i16:
      bytes(2);
      return;
    case Type::i32:
      bytes(4);
      return;
    case Type::real:
    case Type::i64:
      bytes(8);
      return;
    case Type::string:
      string();
      return;
    default:
      if (deepest == 0) throw Malformed("nested too deep");
      return skip_container(type, deepest - 1);
  }
}

// Every element takes at least a byte: no announced count makes it loop for longer than there are bytes.
void Reader::skip_container(Type type, int deepest) {
  if (type == Type::structure) {
    for (auto field = this->type(); field != Type::stop; field = this->type()) {
      bytes(2);
      skip(field, deepest);
    }
    return;
  }
  if (type != Type::list && type != Type::set && type != Type::map) throw Malformed("unknown type");
  const auto first = this->type();
  const auto second = type == Type::map ? this->type() : Type::stop;
  for (auto count = size(); count > 0; --count) {
    skip(first, deepest);
    if (type == Type::map) skip(second, deepest);
  }
}

}  // namespace elves::wire::binary
