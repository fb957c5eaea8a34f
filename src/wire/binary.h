// Thrift's strict binary protocol without generated code: what every job passes is written from its values
// and read into them, with no copies between. Pure.
#pragma once

#include <endian.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/appender.h"

namespace elves::wire::binary {

// As on the wire.
enum class Type : std::uint8_t {
  stop = 0,
  boolean = 2,
  byte = 3,
  real = 4,
  i16 = 6,
  i32 = 8,
  i64 = 10,
  string = 11,
  structure = 12,
  map = 13,
  set = 14,
  list = 15,
};

inline std::uint8_t network_order(std::uint8_t value) { return value; }
inline std::uint16_t network_order(std::uint16_t value) { return htobe16(value); }
inline std::uint32_t network_order(std::uint32_t value) { return htobe32(value); }

// Appends; the caller keeps the order: fields of a struct, then its stop().
class Writer {
 public:
  // `about`: how many bytes there will be.
  explicit Writer(std::size_t about) : out_(about) {}

  void message(std::string_view method, std::uint8_t kind, std::int32_t sequence);
  void field(Type type, std::int16_t id);
  void field(std::int16_t id, std::string_view text);
  void field(std::int16_t id, std::int32_t number);
  void yes(std::int16_t id);
  void list_of_structs(std::size_t count);
  void stop() { out_.push('\0'); }

  std::string take() { return out_.take(); }

 private:
  // Each writes at `to` and answers where it ended.
  template <class Number>
  static char* put(char* to, Number value) {
    value = network_order(value);
    std::memcpy(to, &value, sizeof value);
    return to + sizeof value;
  }
  static char* put_head(char* to, Type type, std::int16_t id) {
    return put(put(to, static_cast<std::uint8_t>(type)), static_cast<std::uint16_t>(id));
  }
  static char* put_text(char* to, std::string_view text);

  Appender out_;
};

// Reads bytes that nobody has looked at. Everything throws Malformed at what does not fit.
class Reader {
 public:
  struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  struct Head {
    std::uint8_t kind;
    std::string_view method;
  };

  // Views that it gives are into `bytes`.
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  Head message();
  std::string_view string();
  std::int32_t i32() { return static_cast<std::int32_t>(get<std::uint32_t>()); }
  bool boolean() { return get<std::uint8_t>() != 0; }
  // Of a list whose elements are structs.
  std::size_t list_of_structs();
  bool at_end() const { return rest_.empty(); }

  // A struct: `take(id, type)` reads the field's value, or answers false and has read nothing: it is skipped.
  template <class Take>
  void fields(Take take) {
    for (auto type = this->type(); type != Type::stop; type = this->type()) {
      const auto id = static_cast<std::int16_t>(get<std::uint16_t>());
      if (!take(id, type)) skip(type, kDeepest);
    }
  }

 private:
  static constexpr int kDeepest = 16;

  Type type() { return static_cast<Type>(get<std::uint8_t>()); }
  template <class Number>
  Number get() {
    Number value = 0;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return network_order(value);
  }
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) throw Malformed("not one whole message");
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::size_t size();
  void skip(Type type, int deepest);
  void skip_container(Type type, int deepest);

  std::string_view rest_;
};

}  // namespace elves::wire::binary
