// The jobs that are over, in blocks: writing one row for each would cost more than all else that is done for
// a short job (docs/adr/0017-history-in-blocks.md).
#pragma once

#include <soci/blob.h>
#include <soci/session.h>
#include <soci/statement.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/journal_types.h"
#include "journal/block.h"
#include "journal/rows.h"

namespace elves::journal {

// The table `history` of one connection. Throws as Store does.
class History {
 public:
  explicit History(soci::session& sql);

  // Adds a job that is over now, or was at `ended` (milliseconds since 1970), to those that are written next;
  // flush() writes the last of them. A job that was over before is in it twice then, and the newer one
  // counts.
  void add(const Entry& entry, long long created);
  void add(LogId id, long long created, long long ended, const std::string& agent_ip,
           std::string_view record);
  void flush();

  std::size_t jobs() const { return jobs_; }
  // As great as the greatest `created` of all, or a little greater; 0 = none.
  long long newest() const { return newest_; }

  // Blocks by their names, which rise as they are written.
  struct Written {
    long long name = 0;  // no job in it is newer
    std::string bytes;
  };
  // The one that was written before that.
  std::optional<Written> before(long long name);
  // Those that a job may be in, the last one first.
  std::vector<long long> that_may_have(LogId id);
  std::optional<Written> block(long long name);

  // Of the oldest, at most so many, and a limited number of blocks; answers how many went.
  std::size_t remove_oldest(std::size_t most);
  // Of those that were over before `ended` (milliseconds since 1970), some `most`; likewise.
  std::size_t remove_before(long long ended, std::size_t most);

 private:
  struct Head {
    long long newest = 0;
    long long ended = 0;
    std::size_t count = 0;
  };

  void write(Block& block, long long newest);
  // At most so many, the oldest of all or of those that a WHERE clause names.
  std::vector<Head> oldest(std::size_t most, const std::string& which = "");
  void remove(const Head& block);
  void remove_oldest_of(const Head& block, std::size_t most);

  soci::session& sql_;
  Block block_;
  std::size_t jobs_ = 0;
  long long newest_ = 0;
};

// What a block holds, as it was written; nothing, with a line in the log, when it is damaged.
std::vector<StoredEntry> entries_of(const History::Written& block);

}  // namespace elves::journal
