#include "wire/scanner.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace elves::wire {

namespace {

using Verdict = MessageScanner::Verdict;

enum Type : std::uint8_t {
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
  type_end = 16,
};

struct Width {
  std::uint8_t bytes;  // least that a value takes; 0 = no such type
  bool fixed;          // and every value takes exactly that
};

constexpr std::array<Width, type_end> widths = [] {
  std::array<Width, type_end> all{};
  all[boolean] = all[byte] = {1, true};
  all[i16] = {2, true};
  all[i32] = {4, true};
  all[real] = all[i64] = {8, true};
  all[string] = {4, false};
  all[structure] = {1, false};
  all[set] = all[list] = {5, false};
  all[map] = {6, false};
  return all;
}();

constexpr Width width(std::uint8_t type) { return type < type_end ? widths[type] : Width{0, false}; }

std::uint8_t byte_at(std::string_view buffer, std::size_t position) {
  return static_cast<std::uint8_t>(buffer[position]);
}

std::uint32_t word_at(std::string_view buffer, std::size_t position) {
  std::uint32_t word = 0;
  std::memcpy(&word, buffer.data() + position, sizeof word);
  return be32toh(word);
}

constexpr std::uint32_t largest_size = 0x7fffffff;  // sizes and counts are signed on the wire
constexpr std::size_t after_text = 1024;            // of a message whose text is cut
constexpr std::size_t least_text = 256;             // that is worth cutting
constexpr const char* too_large = "larger than the limit";

}  // namespace

Verdict MessageScanner::scan(std::string_view buffer) {
  while (stage_ != Stage::whole && surplus_ == 0 && step(buffer)) {
  }
  if (illegal_) return Verdict::illegal;
  return stage_ == Stage::whole ? Verdict::whole : Verdict::more;
}

void MessageScanner::reset() {
  position_ = 0;
  fault_ = "";
  stage_ = Stage::version;
  illegal_ = false;
  lists_structs_ = true;
  surplus_ = 0;
  cut_ = {};
  value_ = 0;
  levels_.clear();
}

// Each step takes one token and answers whether it got on; false: more bytes are needed, or it is illegal.
bool MessageScanner::step(std::string_view buffer) {
  if (illegal_) return false;
  switch (stage_) {
    case Stage::version:
      return read_version(buffer);
    case Stage::name:
      return read_name(buffer);
    case Stage::sequence:
      return read_sequence(buffer);
    default:
      return read_body(buffer);
  }
}

bool MessageScanner::read_version(std::string_view buffer) {
  constexpr std::string_view strict("\x80\x01\x00", 3);
  const auto here = std::min(strict.size(), buffer.size());
  if (buffer.substr(0, here) != strict.substr(0, here)) return fail("no strict Thrift binary message");
  if (!available(buffer, 4)) return false;
  const auto kind = byte_at(buffer, 3);
  if (kind < 1 || kind > 4) return fail("unknown message type");
  stage_ = Stage::name;
  return skip(4);
}

bool MessageScanner::read_name(std::string_view buffer) {
  if (!read_string(buffer)) return false;
  stage_ = Stage::sequence;
  return true;
}

bool MessageScanner::read_sequence(std::string_view buffer) {
  if (!available(buffer, 4)) return false;
  stage_ = Stage::body;
  return skip(4) && enter({.is_struct = true, .types = {}, .remaining = 0});
}

bool MessageScanner::read_body(std::string_view buffer) {
  if (value_ != stop) return read_value(buffer);
  return levels_.back().is_struct ? read_field(buffer) : next_element();
}

bool MessageScanner::read_field(std::string_view buffer) {
  if (!available(buffer, 1)) return false;
  const auto type = byte_at(buffer, position_);
  if (type == stop) {
    leave();
    return skip(1);
  }
  if (width(type).bytes == 0) return fail("unknown field type");
  if (!available(buffer, 3)) return false;
  value_ = type;
  return skip(3) && read_value(buffer);
}

bool MessageScanner::read_value(std::string_view buffer) {
  const auto type = value_;
  bool done = false;
  if (width(type).fixed) {
    done = skip(width(type).bytes);
  } else if (type == string) {
    done = read_string(buffer);
  } else if (type == structure) {
    done = enter({.is_struct = true, .types = {}, .remaining = 0});
  } else {
    done = read_container(buffer, type == map);
  }
  if (done) value_ = stop;
  return done;
}

bool MessageScanner::read_string(std::string_view buffer) {
  if (!available(buffer, 4)) return false;
  const auto length = word_at(buffer, position_);
  if (length > largest_size) return fail("negative size");
  const bool fits = std::uint64_t{length} + 4 + after_text <= limits_.max_bytes - position_;
  if (!fits && limits_.cut && value_ == string && levels_.size() == 2) return cut_string(length);
  return skip(4 + std::uint64_t{length});
}

bool MessageScanner::cut_string(std::size_t length) {
  const std::size_t left = limits_.max_bytes - position_;
  if (left < 4 + after_text + least_text || length > limits_.most_cut) return fail(too_large);
  cut_ = {.at = position_, .kept = left - 4 - after_text, .length = length};
  surplus_ = length - cut_.kept;
  return skip(4 + cut_.kept);
}

bool MessageScanner::read_container(std::string_view buffer, bool is_map) {
  const std::size_t header = is_map ? 6 : 5;
  if (!available(buffer, header)) return false;
  const auto first = byte_at(buffer, position_);
  const auto second = byte_at(buffer, position_ + header - 5);
  const auto count = word_at(buffer, position_ + header - 4);
  if (count > largest_size) return fail("negative size");
  if (!skip(header)) return false;
  // An empty container needs no element type: some peers write 0.
  const auto known = [count](std::uint8_t type) {
    return width(type).bytes > 0 || (count == 0 && type == stop);
  };
  if (!known(first) || !known(second)) return fail("unknown element type");
  if (count == 0) return true;
  if (value_ == list && levels_.size() == 1 && first != structure) lists_structs_ = false;

  const auto least =
      std::uint64_t{count} * (is_map ? width(first).bytes + width(second).bytes : width(first).bytes);
  if (least > limits_.max_bytes - position_) return fail(too_large);
  if (width(first).fixed && width(second).fixed) return skip(least);
  return enter({.is_struct = false, .types = {first, second}, .remaining = is_map ? 2 * count : count});
}

bool MessageScanner::next_element() {
  auto& level = levels_.back();
  if (level.remaining == 0) {
    leave();
    return true;
  }
  value_ = level.types[level.remaining % 2];
  --level.remaining;
  return true;
}

bool MessageScanner::enter(Level level) {
  if (levels_.size() >= limits_.max_depth) return fail("nested too deep");
  levels_.push_back(level);
  return true;
}

void MessageScanner::leave() {
  levels_.pop_back();
  if (levels_.empty()) stage_ = Stage::whole;
}

bool MessageScanner::available(std::string_view buffer, std::size_t bytes) {
  if (bytes > limits_.max_bytes - position_) return fail(too_large);
  return buffer.size() >= position_ && buffer.size() - position_ >= bytes;
}

bool MessageScanner::skip(std::uint64_t bytes) {
  if (bytes > limits_.max_bytes - position_) return fail(too_large);
  position_ += bytes;
  return true;
}

bool MessageScanner::fail(const char* fault) {
  illegal_ = true;
  fault_ = fault;
  return false;
}

}  // namespace elves::wire
