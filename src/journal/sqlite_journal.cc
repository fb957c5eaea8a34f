#include "journal/sqlite_journal.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/random_name.h"
#include "journal/database.h"
#include "journal/record_codec.h"
#include "journal/store.h"

namespace elves {

namespace {

using journal::Entry;
using journal::LockFile;
using journal::Store;

// Bytes of history in the mailbox that the thread is not woken for.
constexpr std::size_t most_left = std::size_t{1} << 20;
constexpr const char* damage_remedy =
    ". Not all of its jobs can be read, so nothing is started: put a copy back, or move it away "
    "together "
    "with its -wal and .lock to begin without it (docs/operations.md, Journal, tells how to save what can be "
    "read)";

// What a process that was cut off left is in two files, of which none may be missing.
void check_left(const LockFile& lock, const std::string& path) {
  if (!lock.in_use()) return;
  for (const std::string& file : {path, path + "-wal"}) {
    if (std::filesystem::exists(file)) continue;
    throw std::runtime_error(
        fmt::format("{} is gone, and the scheduler before was cut off: its last jobs are there. Put the file "
                    "back, or remove {}.lock to begin without them",
                    file, path));
  }
}

// The last entry of each log id, in the order of their first.
template <class Writes>
std::vector<const Entry*> latest(const Writes& writes) {
  std::vector<const Entry*> entries;
  std::unordered_map<LogId, std::size_t> places;
  for (const auto& write : writes) {
    const auto [known, is_new] = places.try_emplace(write.entry.id, entries.size());
    if (is_new) {
      entries.push_back(&write.entry);
    } else {
      entries[known->second] = &write.entry;
    }
  }
  return entries;
}

SqliteJournal::Options absolute(SqliteJournal::Options options) {
  options.path = std::filesystem::absolute(options.path).string();
  return options;
}

}  // namespace

SqliteJournal::SqliteJournal(Options options, Post post)
    : options_(absolute(std::move(options))),
      post_(std::move(post)),
      backlog_(options_.max_unwritten, options_.metrics),
      files_(options_.path),
      history_(journal::history_path(options_.path), options_.retry, moments_),
      reader_(options_.path, history_,
              [this](journal::Reader::Damage damage) { mailbox_.push(Suspicion{std::move(damage)}); }) {
  try {
    open();
  } catch (const std::exception& fault) {
    const char* remedy = journal::is_damage(fault) ? damage_remedy : "";
    throw std::runtime_error(
        fmt::format("the journal {}: {}{}", options_.path, journal::reason(fault), remedy));
  }
  thread_ = std::thread([this] { run(); });
}

SqliteJournal::~SqliteJournal() {
  mailbox_.push(Stop{});
  thread_.join();
}

void SqliteJournal::write(JobRecord record, Kept kept) {
  const bool history = !kept && record.only_history();
  if (history && !backlog_.admit(record)) return;
  Write write{journal::entry_of(record, encoding_), std::move(kept)};
  const std::size_t weight = weight_of(write.entry);
  if (history) backlog_.add(weight);
  unhurried_ = history ? unhurried_ + weight : 0;
  if (history && unhurried_ < most_left) return mailbox_.leave(std::move(write));
  unhurried_ = 0;
  mailbox_.push(std::move(write));
}

void SqliteJournal::open_jobs(Found found) { mailbox_.push(Left{std::move(found)}); }

void SqliteJournal::finished(std::size_t count, std::size_t bytes, Found found) {
  auto brought = [this, found = std::move(found)](std::vector<JobRecord> records) {
    post_([found, records = std::move(records)]() mutable { found(std::move(records)); });
  };
  mailbox_.push(
      Look{[this, count, bytes, brought = std::move(brought)] { reader_.finished(count, bytes, brought); }});
}

void SqliteJournal::find(LogId id, Show show, std::function<void(Result<std::optional<std::string>>)> found) {
  mailbox_.push(Look{[this, id, show = std::move(show), found = std::move(found)]() mutable {
    reader_.find(id, std::move(show), std::move(found));
  }});
}

void SqliteJournal::list(JobFilter filter, Show show, std::function<void(JobList)> found) {
  mailbox_.push(
      Look{[this, filter = std::move(filter), show = std::move(show), found = std::move(found)]() mutable {
        reader_.list(std::move(filter), std::move(show), std::move(found));
      }});
}

// Everything that can be told at the start is found here, before anybody relies on it.
void SqliteJournal::open() {
  std::filesystem::create_directories(std::filesystem::path(options_.path).parent_path());
  lock_ = std::make_unique<LockFile>(options_.path + ".lock");
  check_left(*lock_, options_.path);
  store_ = std::make_unique<Store>(options_.path, moments_);
  instance_ = store_->instance(random_name());
  store_->probe();
  left_ = store_->open_jobs();
  lock_->set_in_use(true);
  files_.begin();
  history_.open(static_cast<int>(options_.patience.count()));
}

void SqliteJournal::run() {
  bool stopping = false;
  while (!stopping) {
    wait();
    stopping = take_orders();
    write_gathered();
    try_again();
    tidy();
  }
  history_.try_now();
  write_all();
  write_over(SteadyTime::max());
  if (!held_.empty()) log::error("{} journal entries are lost: {}", held_.size(), trouble());
  if (!over_.empty()) log::error("{} entries of the history are lost: {}", over_.size(), history_trouble());
  close();
}

// Answers whether it is to stop. What is to be caught up with is older than the writes behind it; so is what
// is held, and what comes behind a write of its log id goes with it.
bool SqliteJournal::take_orders() {
  bool stopping = false;
  std::vector<Write> writes;
  std::unordered_set<LogId> written;
  std::vector<Found> left;
  std::vector<std::function<void()>> looks;
  std::vector<journal::Reader::Damage> suspicions;
  std::size_t history = 0;
  const auto taken = mailbox_.take([&](Order& order) {
    if (auto* write = std::get_if<Write>(&order)) {
      const bool only_history = !write->kept && write->entry.only_history;
      if (only_history) history += weight_of(write->entry);
      if (only_history && !written.contains(write->entry.id)) return hold(std::move(write->entry));
      written.insert(write->entry.id);
      writes.push_back(std::move(*write));
    }
    if (auto* question = std::get_if<Left>(&order)) left.push_back(std::move(question->found));
    if (auto* look = std::get_if<Look>(&order)) looks.push_back(std::move(look->run));
    if (auto* suspicion = std::get_if<Suspicion>(&order)) suspicions.push_back(std::move(suspicion->damage));
    if (const auto* behind = std::get_if<CatchUp>(&order)) {
      commit(std::exchange(writes, {}));
      written.clear();
      catch_up(behind->open);
    }
    stopping = stopping || std::holds_alternative<Stop>(order);
  });
  next_look_ = taken == 0 ? SteadyTime::max() : std::chrono::steady_clock::now() + options_.gather;
  commit(std::move(writes));
  backlog_.took(history, held_.weight() + over_.weight());
  if (!looks.empty()) history_.try_now();
  if (!looks.empty() && !behind_) write_all();
  for (const auto& look : looks) look();
  for (const auto& damage : suspicions) examine(damage);
  for (const Found& found : left) answer(found);
  return stopping;
}

void SqliteJournal::wait() const {
  const SteadyTime next = std::min({next_try_, next_look_, next_over(),
                                    behind_ ? SteadyTime::max() : std::min(next_tidy_, next_gathered())});
  const auto pause = std::chrono::ceil<Millis>(next - std::chrono::steady_clock::now());
  pollfd mail{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0};
  ::poll(&mail, 1, static_cast<int>(std::max<Millis::rep>(pause.count(), 0)));
}

void SqliteJournal::commit(std::vector<Write> writes) {
  if (writes.empty()) return;
  const auto entries = latest(writes);
  const Result<void> result = write_rows(entries);
  std::vector<Kept> waiting;
  for (Write& write : writes) {
    if (write.kept) waiting.push_back(write.kept);
  }
  if (result) {
    for (const Entry* entry : entries) {
      held_.drop(entry->id);
      over_.drop(entry->id);
    }
  } else {
    for (Write& write : writes) {
      if (!write.kept) hold(std::move(write.entry));
    }
  }
  if (waiting.empty()) return;
  post_([waiting = std::move(waiting), result] {
    for (const Kept& kept : waiting) kept(result);
  });
}

void SqliteJournal::answer(const Found& found) {
  std::vector<JobRecord> records;
  const Result<void> result = attempt([&](Store& store) {
    auto left = std::exchange(left_, std::nullopt);
    records = left ? std::move(*left) : store.open_jobs();
  });
  if (!result) log::error("the journal {} cannot be read: {}", options_.path, trouble());
  post_([found, records = std::move(records)]() mutable { found(std::move(records)); });
}

// A file that is complete says so to the next process, before its -wal goes.
void SqliteJournal::close() {
  if (behind_) return store_.reset();
  attempt([this](Store& store) {
    store.finish();
    lock_->set_in_use(false);
  });
  store_.reset();
}

}  // namespace elves
