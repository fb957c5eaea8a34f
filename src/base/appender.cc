#include "base/appender.h"

#include <algorithm>

namespace elves {

namespace {

constexpr std::size_t least_room = 512;
constexpr std::size_t most_room = std::size_t{64} << 10;

}  // namespace

void Appender::grow(std::size_t by) {
  const std::size_t needed = size_ + by;
  if (needed > text_.capacity()) text_.reserve(std::max(2 * text_.capacity(), needed));
  text_.resize(
      std::max(needed, std::min(text_.capacity(), needed + std::clamp(needed, least_room, most_room))));
}

// What is long is copied once, to where nothing was before.
void Appender::append_beyond(std::string_view bytes) {
  const std::size_t needed = size_ + bytes.size();
  text_.resize(size_);
  if (needed > text_.capacity()) text_.reserve(std::max(2 * text_.capacity(), needed));
  text_.append(bytes);
  size_ = needed;
}

}  // namespace elves
