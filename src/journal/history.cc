#include "journal/history.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "journal/blob.h"
#include "journal/database.h"
#include "journal/read_compact.h"

namespace elves::journal {

namespace {

LogId id_of(const StoredEntry& entry) { return LogId(static_cast<std::uint64_t>(entry.log_id)); }

}  // namespace

std::vector<StoredEntry> entries_of(const History::Written& block) {
  try {
    return read_compact<StoredBlock>(block.bytes).entries;
  } catch (const std::exception& fault) {
    log::error("the journal's block {} of finished jobs is damaged: {}", block.name, fault.what());
    return {};
  }
}

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

std::optional<History::Written> History::before(long long name) {
  Written found;
  soci::blob jobs(sql_);
  sql_ << "SELECT newest, jobs FROM history WHERE newest < :name ORDER BY newest DESC LIMIT 1",
      soci::use(name), soci::into(found.name), soci::into(jobs);
  if (!sql_.got_data()) return std::nullopt;
  found.bytes = bytes_of(jobs);
  return found;
}

std::vector<long long> History::that_may_have(LogId id) {
  std::vector<long long> names;
  const std::string text(id.text());
  long long name = 0;
  // The plus keeps SQLite from going through all blocks in their order instead of the index.
  soci::statement blocks = (sql_.prepare << "SELECT newest FROM history WHERE last_id >= :id AND "
                                            "first_id <= :id ORDER BY +newest DESC",
                            soci::use(text, "id"), soci::into(name));
  blocks.execute();
  while (blocks.fetch()) names.push_back(name);
  return names;
}

std::optional<History::Written> History::block(long long name) {
  soci::blob jobs(sql_);
  sql_ << "SELECT jobs FROM history WHERE newest = :name", soci::use(name), soci::into(jobs);
  if (!sql_.got_data()) return std::nullopt;
  return Written{name, bytes_of(jobs)};
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
  const auto written = this->block(block.newest);
  std::vector<StoredEntry> entries = written ? entries_of(*written) : std::vector<StoredEntry>();
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
