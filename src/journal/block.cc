#include "journal/block.h"

#include <algorithm>

#include "journal/compact_struct.h"

namespace elves::journal {

void Block::add(LogId id, long long created, long long ended, std::string_view agent_ip,
                std::string_view record) {
  CompactStruct entry(entries_);
  entry.i64(1, static_cast<std::int64_t>(id.value()));
  entry.i64(2, created);
  entry.bytes(3, agent_ip);
  entry.bytes(4, record);
  entry.end();
  if (empty() || id.value() < first_.value()) first_ = id;
  if (empty() || id.value() > last_.value()) last_ = id;
  newest_ = std::max(newest_, created);
  ended_ = std::max(ended_, ended);
  ++count_;
}

std::string Block::bytes() const {
  std::string bytes;
  bytes.reserve(entries_.size() + 8);
  CompactStruct block(bytes);
  block.list(1, count_);
  bytes += entries_;
  block.end();
  return bytes;
}

}  // namespace elves::journal
