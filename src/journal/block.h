// Finished jobs that are written as one: a StoredBlock (idl/journal.thrift) in the making.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "base/appender.h"
#include "model/job.h"

namespace elves::journal {

class Block {
 public:
  // `created`: microseconds since 1970; `ended`: milliseconds; `record`: as encode_record() wrote it.
  void add(LogId id, long long created, long long ended, std::string_view agent_ip, std::string_view record);

  bool empty() const { return count_ == 0; }
  // Enough to be written.
  bool full() const { return count_ >= most_jobs || entries_.size() >= most_bytes; }
  std::size_t count() const { return count_; }
  // The greatest `created` and `ended`, the least and the greatest log id of what is in it.
  long long newest() const { return newest_; }
  long long ended() const { return ended_; }
  LogId first() const { return first_; }
  LogId last() const { return last_; }
  // Ends it: its bytes are the first and then the second, valid until clear(), which comes next.
  std::pair<std::string_view, std::string_view> bytes();
  // Begins another one; the memory stays.
  void clear();

 private:
  static constexpr std::size_t most_jobs = 256;
  static constexpr std::size_t most_bytes = std::size_t{1} << 18;

  Appender head_;
  Appender entries_;
  std::size_t count_ = 0;
  long long newest_ = 0;
  long long ended_ = 0;
  LogId first_;
  LogId last_;
};

}  // namespace elves::journal
