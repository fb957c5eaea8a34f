// SqliteJournal's work that nobody waits for, and the questions that both of its files answer.
#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "journal/sqlite_journal.h"
#include "journal/store.h"

namespace elves {

using journal::DatedRecord;
using journal::History;
using journal::Store;

namespace {

// Who waits meanwhile waits for so much. What goes to the history costs two syncs, however much it is.
constexpr std::size_t held_bite = 250;
constexpr std::size_t over_bite = 2000;
constexpr std::size_t bite_bytes = std::size_t{8} << 20;
constexpr std::size_t most_gathered = std::size_t{8} << 20;

std::vector<LogId> ids_of(const std::vector<const JobRecord*>& records) {
  std::vector<LogId> ids;
  ids.reserve(records.size());
  for (const JobRecord* record : records) ids.push_back(record->job->log_id);
  return ids;
}

// The first of them, up to the limits of a filter.
std::vector<JobRecord> undated(std::vector<DatedRecord> dated, const JobFilter& filter) {
  std::vector<JobRecord> records;
  records.reserve(std::min(dated.size(), filter.limit));
  std::size_t weight = 0;
  for (DatedRecord& one : dated) {
    if (records.size() >= filter.limit || weight >= filter.bytes) break;
    weight += weight_of(one.record);
    records.push_back(std::move(one.record));
  }
  return records;
}

bool asks_for_history(const JobFilter& filter) {
  return filter.state.empty() || filter.state == "done" || filter.state == state_name(JobState::published);
}

}  // namespace

// For the history, as long as it is known which jobs have rows.
void SqliteJournal::hold(JobRecord record) {
  const LogId id = record.job->log_id;
  const bool is_over = store_ && record.state == JobState::published && record.only_history();
  auto& place = is_over ? over_ : held_;
  (is_over ? held_ : over_).drop(id);
  place.put(std::move(record), std::chrono::steady_clock::now());
}

// A bite of what is held since `before` or longer. Whether there was any, and it is written now.
bool SqliteJournal::write_held(SteadyTime before) {
  const auto records = held_.oldest(held_bite, bite_bytes, before);
  if (records.empty() || !attempt([&](Store& store) { store.write(records); })) return false;
  for (const LogId id : ids_of(records)) held_.drop(id);
  backlog_.took(0, held_.weight() + over_.weight());
  return true;
}

// Likewise of what is over: records, and rows. They go to the history, and their rows after that; records
// that it does not take become rows. After a failure of the other file they all wait in held_.
bool SqliteJournal::write_over(SteadyTime before) {
  std::vector<journal::EncodedJob> rows;
  if (rows_over() > 0) attempt([&](Store& store) { rows = store.jobs().oldest_over(over_bite, bite_bytes); });
  const auto records = over_.oldest(over_bite, bite_bytes, before);
  if (records.empty() && rows.empty()) return false;
  const auto ids = ids_of(records);
  if (write_history(records, rows)) {
    std::vector<LogId> gone;
    for (const LogId id : ids) {
      if (store_->jobs().holds(id)) gone.push_back(id);
    }
    for (const journal::EncodedJob& row : rows) gone.push_back(row.id);
    if (!gone.empty() && !attempt([&](Store& store) { store.remove(gone); })) return false;
  } else if (records.empty() || !attempt([&](Store& store) { store.write(records); })) {
    return false;
  }
  for (const LogId id : ids) over_.drop(id);
  backlog_.took(0, held_.weight() + over_.weight());
  return true;
}

bool SqliteJournal::write_history(const std::vector<const JobRecord*>& records,
                                  const std::vector<journal::EncodedJob>& rows) {
  return history_.write([&](History& history) {
    for (const JobRecord* record : records) {
      const auto created = store_->jobs().created(record->job->log_id);
      history.add(*record, created ? *created : moments_.next());
    }
    for (const journal::EncodedJob& row : rows) history.add(row);
  });
}

void SqliteJournal::write_all() {
  while (write_held(SteadyTime::max())) {
  }
  while (write_over(SteadyTime::max())) {
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

// Rows can wait for the history to be well again.
SteadyTime SqliteJournal::next_over() const {
  if (!over_.empty()) return over_.since() + (over_.weight() > most_gathered ? Millis(0) : options_.gather);
  if (rows_over() == 0 || rows_over_since_ == SteadyTime::max()) return SteadyTime::max();
  return std::max(rows_over_since_ + options_.gather, history_.next_try());
}

std::size_t SqliteJournal::rows_over() const { return store_ ? store_->jobs().over() : 0; }

std::vector<JobRecord> SqliteJournal::find_now(LogId id) {
  std::vector<DatedRecord> found = store_->jobs().find(id);
  if (found.empty()) history_.read([&](History& history) { found = history.find(id); });
  return undated(std::move(found), JobFilter{.state = "", .ip = "", .limit = 1});
}

std::vector<JobRecord> SqliteJournal::list_now(const JobFilter& filter) {
  journal::CurrentJobs& jobs = store_->jobs();
  std::vector<DatedRecord> found = jobs.list(filter);
  if (asks_for_history(filter)) {
    std::vector<DatedRecord> over;
    const auto has_row = [&](LogId id) { return jobs.holds(id); };
    history_.read([&](History& history) { over = history.list(filter, has_row); });
    std::ranges::move(over, std::back_inserter(found));
  }
  std::ranges::sort(found, std::ranges::greater{}, &DatedRecord::created);
  return undated(std::move(found), filter);
}

void SqliteJournal::tidy() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_tidy_ || behind_) return;
  if (history_.tidy(options_.keep) == 0) next_tidy_ = now + options_.tidy;
  if (history_.trouble().empty()) return;
  attempt([&](Store& store) {
    const auto beyond = store.over_beyond(options_.keep);
    std::vector<LogId> ids;
    for (const auto& row : store.jobs().oldest_over(std::min(beyond, over_bite), bite_bytes))
      ids.push_back(row.id);
    if (!ids.empty()) store.remove(ids);
  });
}

}  // namespace elves
