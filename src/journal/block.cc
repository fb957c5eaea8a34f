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

void Block::clear() {
  entries_.clear();
  count_ = 0;
  newest_ = ended_ = 0;
}

std::pair<std::string_view, std::string_view> Block::bytes() {
  head_.clear();
  CompactStruct(head_).list(1, count_);
  CompactStruct(entries_).end();
  return {head_.view(), entries_.view()};
}

}  // namespace elves::journal
