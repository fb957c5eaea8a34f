#include "journal/reader.h"

#include <sys/stat.h>

#include <climits>
#include <ranges>

#include "base/log.h"
#include "journal/current_jobs.h"
#include "journal/database.h"
#include "journal/history.h"
#include "journal/read_only.h"
#include "journal/record_codec.h"

namespace elves::journal {
namespace {

constexpr Millis kPatience{10'000};  // for what is being read at the end

bool asks_for_history(const JobFilter& filter) {
  return filter.state.empty() || filter.state == "done" || filter.state == state_name(JobState::published);
}

LogId id_of(const StoredEntry& entry) { return LogId(static_cast<std::uint64_t>(entry.log_id)); }

std::optional<JobRecord> record_of(const StoredEntry& entry) {
  auto record = decode_record(entry.record, JobState::published);
  if (record) return std::move(*record);
  log::error("the journal's entry of job {} is damaged: {}", id_of(entry), record.error().detail);
  return std::nullopt;
}

}  // namespace

// What is looked for, and what of it was found: of each job a value and what that weighs.
template <class Value>
struct Reader::Search {
  JobFilter filter;
  Newest<Value> found;
  std::function<std::pair<Value, std::size_t>(JobRecord&&)> make;

  void put(LogId id, long long created, JobRecord&& record) {
    const bool counts = record.outcome.worker.has_value();
    auto [value, weight] = make(std::move(record));
    found.put(id, created, counts, std::move(value), weight);
  }
};

Reader::FileId Reader::file_at(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

Reader::Reader(std::string path, HistoryFile& history, std::function<void(Damage)> on_damage)
    : path_(std::move(path)), history_(history), on_damage_(std::move(on_damage)) {}

Reader::~Reader() {
  ending_ = true;
  lookups_.finish(kPatience);
  lists_.finish(kPatience);
}

void Reader::find(LogId id, ReadableJournal::Show show,
                  std::function<void(Result<std::optional<std::string>>)> found) {
  lookups_.run([this, id, show = std::move(show), found = std::move(found)] {
    if (ending_) return;
    std::optional<std::string> shown;
    std::string trouble = guarded([&] {
      auto record = find_row(id);
      if (!record) record = find_in_history(id);
      if (record) shown = show(*record);
    });
    if (trouble.empty() && !shown) trouble = history_.trouble();
    if (!trouble.empty()) return found(Error{ErrorCode::internal, "the journal cannot be read: " + trouble});
    found(std::move(shown));
  });
}

void Reader::list(JobFilter filter, ReadableJournal::Show show, std::function<void(JobList)> found) {
  lists_.run([this, filter = std::move(filter), show = std::move(show), found = std::move(found)] {
    if (ending_) return;
    Search<std::string> what{filter, {filter.limit, filter.bytes}, [&show](JobRecord&& record) {
                               std::string text = show(record);
                               const std::size_t weight = text.size();
                               return std::pair(std::move(text), weight);
                             }};
    std::string trouble = search(what);
    const bool more = what.found.more();
    found({what.found.take(), more, std::move(trouble)});
  });
}

void Reader::finished(std::size_t count, std::size_t bytes,
                      std::function<void(std::vector<JobRecord>)> found) {
  lists_.run([this, count, bytes, found = std::move(found)] {
    if (ending_) return;
    Search<JobRecord> what{
        {.state = "done", .ip = "", .limit = count, .bytes = bytes}, {count, bytes}, [](JobRecord&& record) {
          const std::size_t weight = weight_of(record);
          return std::pair(std::move(record), weight);
        }};
    search(what);
    found(what.found.take());
  });
}

// Why it failed, with a line in the log; "" = it did not.
std::string Reader::guarded(const std::function<void()>& action) {
  const FileId file = file_at(path_);
  try {
    action();
    return {};
  } catch (const std::exception& fault) {
    log::error("the journal {} cannot be read: {}", path_, fault.what());
    if (is_damage(fault)) on_damage_({file, fault.what()});
    return fault.what();
  }
}

std::optional<JobRecord> Reader::find_row(LogId id) {
  ReadOnly jobs(path_);
  Query row(jobs, "SELECT state, record FROM job WHERE log_id = ?");
  const auto text = id.text();
  if (!row.with(std::string_view(text)).next()) return std::nullopt;
  auto record = record_of_row(text, row.number(0), row.bytes(1));
  return record ? std::optional(std::move(*record)) : std::nullopt;
}

std::optional<JobRecord> Reader::find_in_history(LogId id) {
  Search<JobRecord> what{
      {}, {1, SIZE_MAX}, [](JobRecord&& record) { return std::pair(std::move(record), std::size_t{1}); }};
  std::vector<long long> names;
  history_.read([&](History& history) { names = history.that_may_have(id); });
  for (const long long name : names) {
    std::optional<History::Written> block;
    history_.read([&](History& history) { block = history.block(name); });
    if (!block) continue;
    const auto entries = entries_of(*block);
    for (const StoredEntry& entry : entries | std::views::reverse) {
      if (id_of(entry) != id || !what.found.wants(id, entry.created_us)) continue;
      if (auto record = record_of(entry)) what.put(id, entry.created_us, std::move(*record));
    }
  }
  auto found = what.found.take();
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

// Answers why some may be missing.
template <class Value>
std::string Reader::search(Search<Value>& what) {
  const auto condition = condition_of(what.filter.state);
  if (!condition) return {};
  std::string trouble;
  const std::string failed = guarded([&] {
    ReadOnly jobs(path_);
    jobs.hold_still();
    const bool any_ip = what.filter.ip.empty();
    Query rows(jobs, "SELECT created, log_id, state, record FROM job WHERE " + *condition +
                         (any_ip ? "" : " AND agent_ip = ?") + " ORDER BY created DESC");
    if (!any_ip) rows.with(std::string_view(what.filter.ip));
    while (!ending_ && rows.next() && !what.found.is_complete(rows.number(0))) {
      const auto id = LogId::parse(std::string(rows.bytes(1)));
      if (!id || !what.found.wants(*id, rows.number(0))) continue;
      auto record = record_of_row(rows.bytes(1), rows.number(2), rows.bytes(3));
      if (record) what.put(*id, rows.number(0), std::move(*record));
    }
    if (!asks_for_history(what.filter)) return;
    Query row(jobs, "SELECT 1 FROM job WHERE log_id = ?");
    search_history(what, [&row](LogId id) {
      const auto text = id.text();
      return row.with(std::string_view(text)).next();
    });
    trouble = history_.trouble();
  });
  return failed.empty() ? trouble : failed;
}

// Block after block, until those that are left have nothing newer than what was found.
template <class Value>
void Reader::search_history(Search<Value>& what, const std::function<bool(LogId)>& has_row) {
  long long name = LLONG_MAX;
  while (!ending_ && !what.found.is_complete(name)) {
    std::optional<History::Written> block;
    if (!history_.read([&](History& history) { block = history.before(name); }) || !block) return;
    name = block->name;
    const auto entries = entries_of(*block);
    for (const StoredEntry& entry : entries | std::views::reverse) {
      const bool of_ip = what.filter.ip.empty() || entry.agent_ip == what.filter.ip;
      if (!of_ip || has_row(id_of(entry)) || !what.found.wants(id_of(entry), entry.created_us)) continue;
      if (auto record = record_of(entry)) what.put(id_of(entry), entry.created_us, std::move(*record));
    }
  }
}

}  // namespace elves::journal
