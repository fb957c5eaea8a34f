#include "broker/headers.h"

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cstring>

namespace elves::broker {
namespace {

// Takes what it reads off the front; nothing more once it was asked for too much.
class Reader {
 public:
  explicit Reader(std::string_view table) : left_(table) {}

  bool empty() const { return left_.empty(); }

  std::string_view text(std::uint64_t size) {
    if (size > left_.size()) return left_ = {};
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  template <class Number>
  Number number() {
    Number number = 0;
    const auto taken = text(sizeof number);
    if (taken.size() == sizeof number) std::memcpy(&number, taken.data(), sizeof number);
    return boost::endian::big_to_native(number);
  }

  void stop() { left_ = {}; }

 private:
  std::string_view left_;
};

// Passes over a value; answers with what it is when it is a whole number.
std::optional<std::int64_t> take_value(Reader& table) {
  switch (table.number<char>()) {
    case 'b':
      return table.number<std::int8_t>();
    case 'B':
      return table.number<std::uint8_t>();
    case 's':
    case 'U':
      return table.number<std::int16_t>();
    case 'u':
      return table.number<std::uint16_t>();
    case 'I':
      return table.number<std::int32_t>();
    case 'i':
      return table.number<std::uint32_t>();
    case 'l':
    case 'L':
      return table.number<std::int64_t>();
    case 't':
      table.text(1);
      break;
    case 'f':
      table.text(4);
      break;
    case 'D':
      table.text(5);
      break;
    case 'd':
    case 'T':
      table.text(8);
      break;
    case 'S':
    case 'x':
    case 'A':
    case 'F':
      table.text(table.number<std::uint32_t>());
      break;
    case 'V':
      break;
    default:
      table.stop();
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> header_number(std::string_view table, std::string_view name) {
  for (Reader left(table); !left.empty();) {
    const auto key = left.text(left.number<std::uint8_t>());
    const auto value = take_value(left);
    if (key == name && value && *value >= 0) return static_cast<std::uint64_t>(*value);
  }
  return std::nullopt;
}

std::uint64_t earlier_deliveries(std::string_view table) {
  if (table.empty()) return 0;
  return std::max(header_number(table, "x-delivery-count").value_or(0),
                  header_number(table, "x-acquired-count").value_or(0));
}

}  // namespace elves::broker
