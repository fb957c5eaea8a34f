// SqliteJournal's work that nobody waits for.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "journal/sqlite_journal.h"
#include "journal/store.h"

namespace elves {

using journal::DatedEntry;
using journal::Entry;
using journal::History;
using journal::Store;

namespace {

// Who waits meanwhile waits for so much. What goes to the history costs four syncs, however much it is.
constexpr std::size_t held_bite = 250;
constexpr std::size_t over_bite = 2000;
constexpr std::size_t bite_bytes = std::size_t{8} << 20;
constexpr std::size_t most_gathered = std::size_t{8} << 20;

std::vector<LogId> ids_of(const std::vector<const Entry*>& entries) {
  std::vector<LogId> ids;
  ids.reserve(entries.size());
  for (const Entry* entry : entries) ids.push_back(entry->id);
  return ids;
}

}  // namespace

// For the history, as long as the journal is well.
void SqliteJournal::hold(Entry entry) {
  const LogId id = entry.id;
  const bool is_over = !behind_ && entry.state == JobState::published && entry.only_history;
  auto& place = is_over ? over_ : held_;
  (is_over ? held_ : over_).drop(id);
  place.put(std::move(entry), std::chrono::steady_clock::now());
}

Result<void> SqliteJournal::write_rows(const std::vector<const Entry*>& entries) {
  for (const Entry* entry : entries) gone_.erase(entry->id);
  return attempt([&](Store& store) { store.write(entries); });
}

// A bite of what is held since `before` or longer. Whether there was any, and it is written now.
bool SqliteJournal::write_held(SteadyTime before) {
  const auto entries = held_.oldest(held_bite, bite_bytes, before);
  if (entries.empty() || !write_rows(entries)) return false;
  for (const LogId id : ids_of(entries)) held_.drop(id);
  backlog_.took(0, held_.weight() + over_.weight());
  return true;
}

// Likewise of what is over: entries, and rows. They go to the history, and then their rows go. Entries that
// it does not take become rows, unless it is the disk that takes none.
bool SqliteJournal::write_over(SteadyTime before) {
  if (behind_ || !remove_gone()) return false;
  std::vector<DatedEntry> rows;
  if (rows_over() > 0 && history_.is_ready()) {
    const std::size_t count = over_bite - std::min(over_bite, over_.size());
    const std::size_t bytes = bite_bytes - std::min(bite_bytes, over_.weight());
    if (!attempt([&](Store& store) { rows = store.jobs().read_oldest_over(count, bytes); })) return false;
  }
  const auto entries = over_.oldest(over_bite, bite_bytes, before);
  if (entries.empty() && rows.empty()) return false;
  const auto ids = ids_of(entries);
  if (write_history(entries, rows)) {
    for (const DatedEntry& row : rows) gone_.insert(row.entry.id);
    for (const LogId id : ids) {
      if (store_->jobs().holds(id)) gone_.insert(id);
    }
  } else if (entries.empty() || history_.disk_failed() || !write_rows(entries)) {
    return false;
  }
  for (const LogId id : ids) over_.drop(id);
  backlog_.took(0, held_.weight() + over_.weight());
  return remove_gone();
}

bool SqliteJournal::write_history(const std::vector<const Entry*>& entries,
                                  const std::vector<DatedEntry>& rows) {
  return history_.write([&](History& history) {
    for (const Entry* entry : entries) {
      const auto created = store_->jobs().created(entry->id);
      history.add(*entry, created ? *created : moments_.of(entry->begun));
    }
    for (const DatedEntry& row : rows) history.add(row.entry, row.created);
  });
}

// Rows of what the history has.
bool SqliteJournal::remove_gone() {
  if (gone_.empty()) return true;
  const std::vector<LogId> ids(gone_.begin(), gone_.end());
  if (!attempt([&](Store& store) { store.remove(ids); })) return false;
  gone_.clear();
  return true;
}

// Rows that are over have time: they are found where they are.
void SqliteJournal::write_all() {
  while (write_held(SteadyTime::max())) {
  }
  while (!over_.empty() && write_over(SteadyTime::max())) {
  }
}

// When it is time for one, also what soon would be.
void SqliteJournal::write_gathered() {
  const auto now = std::chrono::steady_clock::now();
  const auto soon = [&](std::size_t weight) {
    return weight > most_gathered ? SteadyTime::max() : now - options_.gather / 2;
  };
  if (!behind_ && now >= next_gathered()) write_held(soon(held_.weight()));
  if (now >= next_over()) write_over(soon(over_.weight()));
  if (rows_over() == 0) {
    rows_over_since_ = SteadyTime::max();
  } else {
    rows_over_since_ = std::min(rows_over_since_, now);
  }
}

SteadyTime SqliteJournal::next_gathered() const {
  if (held_.empty() || held_.weight() > most_gathered) return held_.since();
  return held_.since() + options_.gather;
}

SteadyTime SqliteJournal::next_over() const {
  if (behind_) return SteadyTime::max();
  if (!gone_.empty()) return SteadyTime();
  if (!over_.empty()) {
    const auto next = over_.since() + (over_.weight() > most_gathered ? Millis(0) : options_.gather);
    return history_.disk_failed() ? std::max(next, history_.next_try()) : next;
  }
  if (rows_over() == 0 || rows_over_since_ == SteadyTime::max()) return SteadyTime::max();
  return std::max(rows_over_since_ + options_.gather, history_.next_try());
}

std::size_t SqliteJournal::rows_over() const { return store_ ? store_->jobs().over() : 0; }

void SqliteJournal::tidy() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_tidy_ || behind_) return;
  std::size_t removed = history_.tidy(options_.keep);
  if (!history_.trouble().empty()) attempt([&](Store& store) { removed += store.tidy(options_.keep); });
  if (removed == 0) next_tidy_ = now + options_.tidy;
}

}  // namespace elves
