// Files of every version of the journal's tables become today's.
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <fstream>
#include <sstream>

#include "contract/journal_fixture.h"
#include "journal/schema.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using Ids = std::vector<std::uint64_t>;

class Versions : public testing::Test {
 protected:
  std::unique_ptr<SqliteJournal> open() { return std::make_unique<SqliteJournal>(options, loop.poster()); }

  void run_sql(const std::string& statement) {
    const auto sql = session_of_both(options.path);
    *sql << statement;
  }
  // Makes the database of a dump, and lets nothing in it be too old.
  void load(int version) {
    options.path = dir.file(fmt::format("v{}.db", version));
    options.keep.age = std::chrono::hours(24 * 365 * 100);
    std::ifstream file(fmt::format(ELVES_TESTS "/contract/fixtures/journal_v{}.sql", version));
    ASSERT_TRUE(file) << "no fixture of version " << version;
    std::ostringstream text;
    text << file.rdbuf();
    const std::string all = text.str();
    soci::session sql(soci::sqlite3, options.path);
    for (std::size_t from = 0, to = 0; (to = all.find(";\n", from)) != std::string::npos; from = to + 2) {
      sql << all.substr(from, to - from);
    }
  }
  Ids done(SqliteJournal& journal) {
    return ids(loop.list(journal, {.state = "done", .ip = "", .limit = 10}));
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options;
};

// tests/contract/fixtures has a dump of a file of each version, with the same jobs. A new version needs one.
// As the files that were written before jobs had callers hold it.
JobRecord without_caller(JobRecord record) {
  Job job = *record.job;
  job.caller.clear();
  record.job = std::make_shared<const Job>(std::move(job));
  return record;
}

TEST_F(Versions, AFileOfEveryVersionOpens) {
  for (int version = 1; version <= current_version(); ++version) {
    SCOPED_TRACE(version);
    load(version);
    options.keep.age = std::chrono::hours(24 * 365 * 100);
    const auto journal = open();
    const Records found = loop.open_jobs(*journal);
    ASSERT_EQ(ids(found), (Ids{0xA1, 0xA2, 0xA4}));
    expect_same(found[0], without_caller(full_record(0xA1)));
    expect_same(found[1], record_of(0xA2, JobState::accepted));
    expect_same(found[2], record_of(0xA4, JobState::received));
    EXPECT_EQ(ids(loop.list(*journal, {.state = "done", .ip = "", .limit = 10})), Ids{0xA3});
    EXPECT_TRUE(loop.keep(*journal, record_of(0xA4, JobState::accepted)));
  }
}

TEST_F(Versions, FinishedJobsOfVersion2GetAFileOfTheirOwn) {
  load(2);
  EXPECT_EQ(done(*open()), Ids{0xA3});
  EXPECT_TRUE(std::filesystem::exists(history_path(options.path)));
  soci::session sql(soci::sqlite3, options.path);
  int tables = 0;
  sql << "SELECT count(*) FROM sqlite_master WHERE tbl_name = 'history'", soci::into(tables);
  EXPECT_EQ(tables, 0);
}

// Else the next checkpoint would make it small, which looks as if somebody had cut it off.
TEST_F(Versions, AFileWithoutItsFinishedJobsIsSmallAtOnce) {
  load(2);
  run_sql(
      "INSERT INTO main.history SELECT newest + 1, ended, 1, first_id, last_id, zeroblob(3000000) FROM "
      "main.history");
  EXPECT_GT(std::filesystem::file_size(options.path), 3'000'000U);
  const auto journal = open();
  EXPECT_LT(std::filesystem::file_size(options.path), 100'000U);
  EXPECT_TRUE(loop.keep(*journal, record_of(1)));
  EXPECT_EQ(journal->trouble(), "");
}

// Between its two files nothing is atomic.
TEST_F(Versions, AStepToVersion3ThatWasCutOffIsDoneAgain) {
  load(2);
  HistoryFile::make(history_path(options.path));
  run_sql("INSERT INTO past.history SELECT newest, ended, count, first_id, last_id, jobs FROM main.history");
  EXPECT_EQ(done(*open()), Ids{0xA3});
  int blocks = 0;
  *session_of_both(options.path) << "SELECT count(*) FROM history", soci::into(blocks);
  EXPECT_EQ(blocks, 1);
}

TEST_F(Versions, AnEntryOfVersion1ThatIsDamagedIsLeftOut) {
  load(1);
  run_sql("UPDATE job SET record = 'QUJDRA=' WHERE log_id = '00000000000000A2'");
  const auto journal = open();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{0xA1, 0xA4}));
  EXPECT_EQ(done(*journal), Ids{0xA3});
}

// Version 1 could give two jobs the same time when the clock had been set back.
TEST_F(Versions, JobsOfVersion1WithTheSameTimeAreAllKept) {
  load(1);
  run_sql("UPDATE job SET created = 1795350010352016");
  const auto journal = open();
  EXPECT_EQ(loop.open_jobs(*journal).size(), 3U);
  EXPECT_EQ(done(*journal), Ids{0xA3});
}

TEST_F(Versions, AJobOfVersion1KeepsTheTimeAtWhichItWasOver) {
  load(1);
  options.keep.age = std::chrono::hours(24);
  options.tidy = Millis(10);
  const auto journal = open();
  loop.until([&] { return done(*journal).empty(); }, "what is too old is removed");
  EXPECT_EQ(loop.open_jobs(*journal).size(), 3U);
}

}  // namespace
}  // namespace elves::journal::test
