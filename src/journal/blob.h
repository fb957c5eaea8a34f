// Bytes in and out of a column, through SOCI.
#pragma once

#include <soci/blob.h>

#include <string>
#include <string_view>

namespace elves::journal {

inline void assign(soci::blob& to, std::string_view bytes, std::string_view more = {}) {
  to.trim(0);
  to.write(0, bytes.data(), bytes.size());
  if (!more.empty()) to.append(more.data(), more.size());
}

inline std::string bytes_of(soci::blob& from) {
  std::string bytes(from.get_len(), '\0');
  if (!bytes.empty()) from.read(0, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace elves::journal
