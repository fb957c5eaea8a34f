#include "journal/history.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "journal/blob.h"
#include "journal/read_compact.h"
#include "journal/record_codec.h"

namespace elves::journal {

namespace {

LogId id_of(const StoredEntry& entry) { return LogId(static_cast<std::uint64_t>(entry.log_id)); }

bool is_newer(const StoredEntry& left, const StoredEntry& right) {
  return left.created_us > right.created_us;
}

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

// The newest of both.
void merge(std::vector<StoredEntry>& found, std::vector<StoredEntry> more, std::size_t limit) {
  std::ranges::move(more, std::back_inserter(found));
  std::ranges::sort(found, is_newer);
  if (found.size() > limit) found.resize(limit);
}

}  // namespace

History::History(soci::session& sql) : sql_(sql) {
  for (const Head& head : heads("1 = 1")) jobs_ += head.count;
}

void History::add(const JobRecord& record, long long created) {
  record_.clear();
  encode_record(record, record_);
  add(record.job->log_id, created, record.job->agent_ip, record_);
}

void History::add(LogId id, long long created, const std::string& agent_ip, const std::string& record) {
  block_.add(id, created, agent_ip, record);
  ++jobs_;
  if (block_.full()) flush();
}

void History::flush() {
  if (block_.empty()) return;
  write(block_, since_1970<Millis>());
  block_ = {};
}

void History::write(const Block& block, long long ended) {
  const long long newest = block.newest();
  const auto count = static_cast<int>(block.count());
  const std::string first(block.first().text());
  const std::string last(block.last().text());
  soci::blob jobs(sql_);
  assign(jobs, block.bytes());
  sql_ << "INSERT INTO history (newest, ended, count, first_id, last_id, jobs) "
          "VALUES (:newest, :ended, :count, :first, :last, :jobs)",
      soci::use(newest), soci::use(ended), soci::use(count), soci::use(first), soci::use(last),
      soci::use(jobs);
}

long long History::newest() {
  long long newest = 0;
  soci::indicator known = soci::i_ok;
  sql_ << "SELECT max(newest) FROM history", soci::into(newest, known);
  return known == soci::i_ok ? newest : 0;
}

std::vector<DatedRecord> History::find(LogId id) {
  std::vector<StoredEntry> found;
  const std::string text(id.text());
  long long newest = 0;
  soci::blob jobs(sql_);
  soci::statement blocks = (sql_.prepare << "SELECT newest, jobs FROM history WHERE first_id <= :id AND "
                                            "last_id >= :id ORDER BY newest DESC",
                            soci::use(text, "id"), soci::into(newest), soci::into(jobs));
  blocks.execute();
  while (blocks.fetch()) {
    std::vector<StoredEntry> entries = entries_of(jobs, newest);
    std::erase_if(entries, [id](const StoredEntry& entry) { return id_of(entry) != id; });
    merge(found, std::move(entries), 1);
  }
  std::vector<DatedRecord> records;
  for (const StoredEntry& entry : found) decode_into(records, entry);
  return records;
}

// Block after block, until those that are left have nothing newer than what was found.
std::vector<DatedRecord> History::list(const std::string& ip, std::size_t limit) {
  std::vector<StoredEntry> found;
  long long newest = 0;
  soci::blob jobs(sql_);
  soci::statement blocks = (sql_.prepare << "SELECT newest, jobs FROM history ORDER BY newest DESC",
                            soci::into(newest), soci::into(jobs));
  blocks.execute();
  while (blocks.fetch() && (found.size() < limit || (limit > 0 && found.back().created_us < newest))) {
    std::vector<StoredEntry> entries = entries_of(jobs, newest);
    if (!ip.empty()) std::erase_if(entries, [&](const StoredEntry& entry) { return entry.agent_ip != ip; });
    merge(found, std::move(entries), limit);
  }
  std::vector<DatedRecord> records;
  records.reserve(found.size());
  for (const StoredEntry& entry : found) decode_into(records, entry);
  return records;
}

std::size_t History::remove_oldest(std::size_t most) {
  std::size_t removed = 0;
  for (const Head& block : heads(fmt::format("1 = 1 ORDER BY newest LIMIT {}", most))) {
    if (removed == most) break;
    const std::size_t left = most - removed;
    block.count <= left ? remove(block) : remove_oldest_of(block, left);
    removed += std::min(block.count, left);
  }
  return removed;
}

std::size_t History::remove_before(long long ended, std::size_t most) {
  std::size_t removed = 0;
  // What was over by then was there by then, and the table is in the order of that.
  const auto which =
      fmt::format("newest < {} AND ended < {} ORDER BY newest LIMIT {}", ended * 1000, ended, most);
  for (const Head& block : heads(which)) {
    if (removed >= most) break;
    remove(block);
    removed += block.count;
  }
  return removed;
}

std::vector<History::Head> History::heads(const std::string& which) {
  std::vector<Head> heads;
  Head head;
  long long count = 0;
  soci::statement rows = (sql_.prepare << "SELECT newest, ended, count FROM history WHERE " + which,
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
  std::ranges::sort(entries, is_newer);
  entries.resize(entries.size() - most);
  Block left;
  for (const StoredEntry& entry : entries)
    left.add(id_of(entry), entry.created_us, entry.agent_ip, entry.record);
  write(left, block.ended);
  jobs_ += left.count();
}

}  // namespace elves::journal
