#include "journal/history.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "journal/blob.h"
#include "journal/database.h"
#include "journal/read_compact.h"
#include "journal/record_codec.h"

namespace elves::journal {

namespace {

LogId id_of(const StoredEntry& entry) { return LogId(static_cast<std::uint64_t>(entry.log_id)); }

std::vector<StoredEntry> entries_of(soci::blob& jobs, long long block) {
  try {
    return read_compact<StoredBlock>(bytes_of(jobs)).entries;
  } catch (const std::exception& fault) {
    log::error("the journal's block {} of finished jobs is damaged: {}", block, fault.what());
    return {};
  }
}

void decode_into(std::vector<DatedRecord>& records, const StoredEntry& entry) {
  auto record = decode_record(entry.record, JobState::published);
  if (record) {
    records.push_back({entry.created_us, std::move(*record)});
  } else {
    log::error("the journal's entry of job {} is damaged: {}", id_of(entry), record.error().detail);
  }
}

// Of each job the newest entry, and of those the newest: so many at most, and none without which the others
// have so many bytes. They come from the last that was written to the first; of those of one job and time the
// first counts (a process that was cut off between the two files may have written others).
class Newest {
 public:
  Newest(std::size_t most, std::size_t bytes) : most_(most), most_bytes_(bytes) {}

  void add(const StoredEntry& entry) {
    const auto [known, is_new] = by_job_.try_emplace(entry.log_id, entry.created_us);
    if (!is_new && known->second > entry.created_us) return;
    if (!is_new) erase(entries_.find({std::exchange(known->second, entry.created_us), entry.log_id}));
    bytes_ += entry.record.size();
    entries_.emplace(Key(entry.created_us, entry.log_id), entry);
    while (entries_.size() > most_ || bytes_without_oldest() >= most_bytes_) {
      by_job_.erase(entries_.begin()->second.log_id);
      erase(entries_.begin());
    }
  }

  // Whether nothing of that time or before has a place.
  bool is_beyond(long long created) const {
    const bool full = entries_.size() >= most_ || bytes_ >= most_bytes_;
    return full && (entries_.empty() || entries_.begin()->first.first > created);
  }

  std::vector<DatedRecord> records() const {
    std::vector<DatedRecord> records;
    records.reserve(entries_.size());
    for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) decode_into(records, at->second);
    return records;
  }

 private:
  using Key = std::pair<std::int64_t, std::int64_t>;  // created, log id
  using Entries = std::map<Key, StoredEntry>;

  std::size_t bytes_without_oldest() const {
    return entries_.empty() ? 0 : bytes_ - entries_.begin()->second.record.size();
  }
  void erase(Entries::iterator at) {
    bytes_ -= at->second.record.size();
    entries_.erase(at);
  }

  std::size_t most_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  Entries entries_;
  std::unordered_map<std::int64_t, std::int64_t> by_job_;  // created
};

}  // namespace

History::History(soci::session& sql) : sql_(sql) {
  jobs_ = static_cast<std::size_t>(std::max(number(sql, "SELECT sum(count) FROM history"), 0LL));
  newest_ = number(sql, "SELECT max(newest) FROM history");
}

void History::add(const Entry& entry, long long created) {
  add(entry.id, created, since_1970<Millis>(), entry.agent_ip, entry.record);
}

void History::add(LogId id, long long created, long long ended, const std::string& agent_ip,
                  std::string_view record) {
  block_.add(id, created, ended, agent_ip, record);
  ++jobs_;
  if (block_.full()) flush();
}

void History::flush() {
  if (block_.empty()) return;
  // Blocks are in the order in which they were written, so that a new one is at the end of the table.
  newest_ = std::max(newest_ + 1, block_.newest());
  write(block_, newest_);
  block_.clear();
}

void History::write(Block& block, long long newest) {
  const long long ended = block.ended();
  const auto count = static_cast<int>(block.count());
  const std::string first(block.first().text());
  const std::string last(block.last().text());
  soci::blob jobs(sql_);
  const auto [head, entries] = block.bytes();
  assign(jobs, head, entries);
  sql_ << "INSERT INTO history (newest, ended, count, first_id, last_id, jobs) "
          "VALUES (:newest, :ended, :count, :first, :last, :jobs)",
      soci::use(newest), soci::use(ended), soci::use(count), soci::use(first), soci::use(last),
      soci::use(jobs);
}

std::vector<DatedRecord> History::find(LogId id) {
  Newest found(1, SIZE_MAX);
  const std::string text(id.text());
  long long newest = 0;
  soci::blob jobs(sql_);
  // The plus keeps SQLite from going through all blocks in their order instead of the index.
  soci::statement blocks = (sql_.prepare << "SELECT newest, jobs FROM history WHERE last_id >= :id AND "
                                            "first_id <= :id ORDER BY +newest DESC",
                            soci::use(text, "id"), soci::into(newest), soci::into(jobs));
  blocks.execute();
  while (blocks.fetch()) {
    const auto entries = entries_of(jobs, newest);
    for (const StoredEntry& entry : entries | std::views::reverse) {
      if (id_of(entry) == id) found.add(entry);
    }
  }
  return found.records();
}

// Block after block, until those that are left have nothing newer than what was found.
std::vector<DatedRecord> History::list(const JobFilter& filter, const std::function<bool(LogId)>& reopened) {
  Newest found(filter.limit, filter.bytes);
  long long newest = 0;
  soci::blob jobs(sql_);
  soci::statement blocks = (sql_.prepare << "SELECT newest, jobs FROM history ORDER BY newest DESC",
                            soci::into(newest), soci::into(jobs));
  blocks.execute();
  while (blocks.fetch() && !found.is_beyond(newest)) {
    const auto entries = entries_of(jobs, newest);
    for (const StoredEntry& entry : entries | std::views::reverse) {
      const bool wanted = filter.ip.empty() || entry.agent_ip == filter.ip;
      if (wanted && !reopened(id_of(entry))) found.add(entry);
    }
  }
  return found.records();
}

std::size_t History::remove_oldest(std::size_t most) {
  std::size_t removed = 0;
  for (const Head& block : oldest(most)) {
    const std::size_t left = most - removed;
    if (removed > 0 && block.count > left) break;  // cut only when nothing else is left to do
    block.count <= left ? remove(block) : remove_oldest_of(block, left);
    removed += std::min(block.count, left);
  }
  return removed;
}

std::size_t History::remove_before(long long ended, std::size_t most) {
  std::size_t removed = 0;
  // What was over by then was there by then, and the table is in the order of that.
  const auto before = fmt::format("WHERE newest < {} AND ended < {}", ended * 1000, ended);
  for (const Head& block : oldest(most, before)) {
    if (removed >= most) break;
    remove(block);
    removed += block.count;
  }
  return removed;
}

std::vector<History::Head> History::oldest(std::size_t most, const std::string& which) {
  constexpr std::size_t most_blocks = 100;
  std::vector<Head> heads;
  Head head;
  long long count = 0;
  soci::statement rows =
      (sql_.prepare << fmt::format("SELECT newest, ended, count FROM history {} ORDER BY newest LIMIT {}",
                                   which, std::min(most, most_blocks)),
       soci::into(head.newest), soci::into(head.ended), soci::into(count));
  rows.execute();
  while (rows.fetch()) {
    head.count = static_cast<std::size_t>(std::max(count, 0LL));
    heads.push_back(head);
  }
  return heads;
}

void History::remove(const Head& block) {
  sql_ << "DELETE FROM history WHERE newest = :newest", soci::use(block.newest);
  jobs_ -= std::min(jobs_, block.count);
}

void History::remove_oldest_of(const Head& block, std::size_t most) {
  soci::blob jobs(sql_);
  sql_ << "SELECT jobs FROM history WHERE newest = :newest", soci::use(block.newest), soci::into(jobs);
  std::vector<StoredEntry> entries = entries_of(jobs, block.newest);
  remove(block);
  if (entries.size() <= most) return;
  std::ranges::sort(entries, std::ranges::greater{}, &StoredEntry::created_us);
  entries.resize(entries.size() - most);
  Block left;
  for (const StoredEntry& entry : entries)
    left.add(id_of(entry), entry.created_us, block.ended, entry.agent_ip, entry.record);
  write(left, block.newest);
  jobs_ += left.count();
}

}  // namespace elves::journal
