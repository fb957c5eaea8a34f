// For the tests of the journal's second file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "contract/journal_fixture.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {

using Ids = std::vector<std::uint64_t>;
namespace fs = std::filesystem;

class Past : public testing::Test {
 protected:
  Past() {
    options.retry = Millis(20);
    options.gather = Millis(20);
    options.patience = Seconds(0);
    options.open_now = [] { return Records{record_of(1, JobState::accepted)}; };
  }
  void open() {
    journal.reset();
    journal = std::make_unique<SqliteJournal>(options, loop.poster());
  }
  void keep(const JobRecord& record) { EXPECT_TRUE(loop.keep(*journal, record)); }
  // An open job, one that was written as open before it was over, and one that was not.
  void begin() {
    open();
    keep(record_of(1, JobState::accepted));
    keep(record_of(2, JobState::settled));
    keep(record_of(2, JobState::published));
    journal->write(history_of(3, JobState::published), {});
    EXPECT_EQ(list("done"), (Ids{3, 2}));
    until_rows_are(1);
  }
  int rows() {
    int count = 0;
    soci::session sql(soci::sqlite3, options.path);
    sql << "SELECT count(*) FROM job", soci::into(count);
    return count;
  }
  void until_rows_are(int count) {
    loop.until([&] { return rows() == count; }, "what is over goes to the history");
  }
  void until_history_is_well() {
    loop.until([&] { return journal->history_trouble().empty(); }, "the history is written again");
  }
  Ids list(const char* state) { return ids(loop.list(*journal, {.state = state, .ip = ""})); }
  std::size_t set_aside() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("journal.db.history.damaged-") && name.ends_with('Z')) ++count;
    }
    return count;
  }
  // Of all that goes wrong with it.
  void expect_jobs_go_on() {
    keep(record_of(4, JobState::accepted));
    keep(record_of(5, JobState::published));
    EXPECT_EQ(list("open"), (Ids{4, 1}));
    EXPECT_EQ(loop.find(*journal, LogId(5)).size(), 1U);
    EXPECT_EQ(journal->trouble(), "");
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options{.path = dir.file("journal.db")};
  const std::string past = history_path(options.path);
  std::unique_ptr<SqliteJournal> journal;
};

}  // namespace elves::journal::test
