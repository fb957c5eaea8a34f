// Answers those who look into the journal's files.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/side_thread.h"
#include "journal/history_file.h"
#include "journal/newest.h"
#include "journal/readable_journal.h"

namespace elves::journal {

// On two threads of its own, so that a look at one job does not wait for a long list. The file of the open
// jobs is read on a connection of its own, of which a writer notices nothing. Of the history one block is
// read at a time. A job that is in both counts as the former has it. Any thread; callbacks come on the
// threads of this.
class Reader {
 public:
  using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  struct Damage {
    FileId file;
    std::string what;
  };
  static FileId file_at(const std::string& path);

  // `on_damage` hears of damage in the file at `path`.
  Reader(std::string path, HistoryFile& history, std::function<void(Damage)> on_damage);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  // Breaks off what is being read; of what was asked for nothing more is heard.
  ~Reader();

  void find(LogId id, ReadableJournal::Show show,
            std::function<void(Result<std::optional<std::string>>)> found);
  void list(JobFilter filter, ReadableJournal::Show show, std::function<void(JobList)> found);
  // As Journal::finished().
  void finished(std::size_t count, std::size_t bytes, std::function<void(std::vector<JobRecord>)> found);

 private:
  template <class Value>
  struct Search;

  std::string guarded(const std::function<void()>& action);
  std::optional<JobRecord> find_row(LogId id);
  std::optional<JobRecord> find_in_history(LogId id);
  template <class Value>
  std::string search(Search<Value>& what);
  template <class Value>
  void search_history(Search<Value>& what, const std::function<bool(LogId)>& has_row);

  const std::string path_;
  HistoryFile& history_;
  const std::function<void(Damage)> on_damage_;
  std::atomic<bool> ending_ = false;
  SideThread lookups_;
  SideThread lists_;
};

}  // namespace elves::journal
