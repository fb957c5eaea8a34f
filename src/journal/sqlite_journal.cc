#include "journal/sqlite_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "journal/random_name.h"
#include "journal/store.h"

namespace elves {

namespace {

using journal::LockFile;
using journal::random_name;
using journal::Store;

constexpr std::size_t held_bite = 1000;

// The file holds what jobs were given, so it is not for everybody to read.
void make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) throw std::runtime_error(std::strerror(errno));
  ::close(fd);
}

// The last record of each log id, in the order of their first.
template <class Writes>
std::vector<const JobRecord*> latest(const Writes& writes) {
  std::vector<const JobRecord*> records;
  std::unordered_map<LogId, std::size_t> places;
  for (const auto& write : writes) {
    const auto [known, is_new] = places.try_emplace(write.record.job->log_id, records.size());
    if (is_new) {
      records.push_back(&write.record);
    } else {
      records[known->second] = &write.record;
    }
  }
  return records;
}

SqliteJournal::Options absolute(SqliteJournal::Options options) {
  options.path = std::filesystem::absolute(options.path).string();
  return options;
}

}  // namespace

SqliteJournal::SqliteJournal(Options options, Post post)
    : options_(absolute(std::move(options))), post_(std::move(post)), held_(options_.max_unwritten) {
  try {
    std::filesystem::create_directories(std::filesystem::path(options_.path).parent_path());
    lock_ = std::make_unique<LockFile>(options_.path + ".lock");
    make_file(options_.path);
    store_ = std::make_unique<Store>(options_.path);
    instance_ = store_->instance(random_name());
    store_->probe();
    store_->check_open_jobs();
  } catch (const std::exception& fault) {
    throw std::runtime_error(fmt::format("the journal {}: {}", options_.path, journal::reason(fault)));
  }
  thread_ = std::thread([this] { run(); });
}

SqliteJournal::~SqliteJournal() {
  mailbox_.push(Stop{});
  thread_.join();
}

void SqliteJournal::write(JobRecord record, Kept kept) {
  mailbox_.push(Write{std::move(record), std::move(kept)});
}

void SqliteJournal::open_jobs(std::function<void(std::vector<JobRecord>)> found) {
  mailbox_.push(Query{[](Store& store) { return store.open_jobs(); }, std::move(found)});
}

void SqliteJournal::find(LogId id, std::function<void(std::vector<JobRecord>)> found) {
  mailbox_.push(Query{[id](Store& store) { return store.find(id); }, std::move(found)});
}

void SqliteJournal::list(JobFilter filter, std::function<void(std::vector<JobRecord>)> found) {
  mailbox_.push(
      Query{[filter = std::move(filter)](Store& store) { return store.list(filter); }, std::move(found)});
}

std::string SqliteJournal::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void SqliteJournal::run() {
  bool stopping = false;
  while (!stopping) {
    wait();
    std::vector<Write> writes;
    std::vector<Query> queries;
    for (auto& order : mailbox_.take()) {
      if (auto* write = std::get_if<Write>(&order)) writes.push_back(std::move(*write));
      if (auto* query = std::get_if<Query>(&order)) queries.push_back(std::move(*query));
      stopping = stopping || std::holds_alternative<Stop>(order);
    }
    if (!writes.empty()) commit(std::move(writes));
    try_again();
    for (Query& query : queries) answer(std::move(query));
    tidy();
  }
  if (!held_.empty()) write_held();
  if (!held_.empty()) log::error("{} journal entries are lost: {}", held_.size(), trouble());
}

void SqliteJournal::wait() const {
  const SteadyTime next = trouble().empty() ? next_tidy_ : next_try_;
  const auto pause = std::chrono::ceil<Millis>(next - std::chrono::steady_clock::now());
  pollfd mail{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0};
  ::poll(&mail, 1, static_cast<int>(std::max<Millis::rep>(pause.count(), 0)));
}

void SqliteJournal::commit(std::vector<Write> writes) {
  const auto records = latest(writes);
  const Result<void> result = attempt([&](Store& store) { store.write(records); });
  std::vector<Kept> waiting;
  for (Write& write : writes) {
    if (write.kept) waiting.push_back(write.kept);
  }
  if (result) {
    for (const JobRecord* record : records) held_.drop(record->job->log_id);
  } else {
    hold(std::move(writes));
  }
  if (waiting.empty()) return;
  post_([waiting = std::move(waiting), result] {
    for (const Kept& kept : waiting) kept(result);
  });
}

void SqliteJournal::hold(std::vector<Write> writes) {
  std::size_t dropped = 0;
  for (Write& write : writes) {
    if (!write.kept) dropped += held_.put(std::move(write.record));
  }
  if (dropped > 0)
    log::error("{} journal entries are lost: more than {} wait", dropped, options_.max_unwritten);
}

void SqliteJournal::try_again() {
  if (trouble().empty()) {
    write_held();
  } else if (std::chrono::steady_clock::now() >= next_try_) {
    if (held_.empty()) {
      attempt([](Store& store) { store.probe(); });
    } else {
      write_held();
    }
  }
}

void SqliteJournal::write_held() {
  while (!held_.empty()) {
    const auto records = held_.oldest(held_bite);
    if (!attempt([&](Store& store) { store.write(records); })) return;
    std::vector<LogId> ids;
    ids.reserve(records.size());
    for (const JobRecord* record : records) ids.push_back(record->job->log_id);
    for (const LogId id : ids) held_.drop(id);
  }
}

void SqliteJournal::answer(Query query) {
  std::vector<JobRecord> records;
  try {
    records = query.ask(store());
  } catch (const std::exception& fault) {
    log::error("the journal {} cannot be read: {}", options_.path, journal::reason(fault));
    store_.reset();
  }
  post_([found = std::move(query.found), records = std::move(records)]() mutable {
    found(std::move(records));
  });
}

void SqliteJournal::tidy() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_tidy_ || !trouble().empty()) return;
  std::size_t removed = 0;
  attempt([&](Store& store) { removed = store.tidy(options_.keep); });
  if (removed == 0) next_tidy_ = now + options_.tidy;
}

Result<void> SqliteJournal::attempt(const std::function<void(Store&)>& action) {
  try {
    action(store());
    set_trouble("");
    return {};
  } catch (const std::exception& fault) {
    store_.reset();
    next_try_ = std::chrono::steady_clock::now() + options_.retry;
    const std::string why = journal::reason(fault);
    set_trouble(why);
    return Error{ErrorCode::overloaded, "the journal cannot be written: " + why};
  }
}

Store& SqliteJournal::store() {
  if (!store_) store_ = std::make_unique<Store>(options_.path);
  return *store_;
}

void SqliteJournal::set_trouble(const std::string& now) {
  {
    const std::lock_guard lock(mutex_);
    if (now == trouble_) return;
    trouble_ = now;
  }
  if (now.empty()) {
    log::info("the journal {} is written again", options_.path);
  } else {
    log::error("the journal {} cannot be written: {}", options_.path, now);
  }
}

}  // namespace elves
