#include "base/appender.h"

#include <algorithm>

namespace elves {

void Appender::grow(std::size_t by) { text_.resize(std::max(2 * text_.size(), size_ + by)); }

}  // namespace elves
