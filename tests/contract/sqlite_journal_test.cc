// What the journal on disk does beyond every journal: outliving its process, versions, locks, retention.
#include "journal/sqlite_journal.h"

#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "contract/journal_fixture.h"

namespace elves::journal::test {
namespace {

using testing::HasSubstr;
using Ids = std::vector<std::uint64_t>;

class SqliteJournals : public testing::Test {
 protected:
  std::unique_ptr<SqliteJournal> open() { return std::make_unique<SqliteJournal>(options, loop.poster()); }

  // Why the journal cannot be opened; "" when it can.
  std::string refusal() {
    try {
      open();
      return "";
    } catch (const std::runtime_error& fault) {
      return fault.what();
    }
  }

  void run_sql(const std::string& statement) {
    const auto sql = session_of_both(options.path);
    *sql << statement;
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options{.path = dir.file("sub folder/journal=1.db")};
};

TEST_F(SqliteJournals, OpenJobsAreThereAfterReopeningOldestFirst) {
  {
    const auto journal = open();
    EXPECT_TRUE(journal->durable());
    journal->write(record_of(3, JobState::received), {});
    journal->write(record_of(1, JobState::accepted), {});
    journal->write(record_of(4, JobState::published), {});
    journal->write(record_of(2, JobState::settled), {});
    EXPECT_TRUE(loop.keep(*journal, record_of(3, JobState::accepted)));
  }
  const auto journal = open();
  const Records found = loop.open_jobs(*journal);
  EXPECT_EQ(ids(found), (Ids{3, 1, 2}));
  EXPECT_EQ(found[0].state, JobState::accepted);
  EXPECT_EQ(ids(loop.list(*journal, {})), (Ids{2, 4, 1, 3}));
}

TEST_F(SqliteJournals, ALargeBinaryResultComesBackWhole) {
  JobRecord record = full_record(7);
  std::string& result = record.outcome.worker->result;
  result.resize(10 << 20);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<char>(i * 2654435761U >> 13);
  {
    EXPECT_TRUE(loop.keep(*open(), record));
  }
  const auto journal = open();
  const Records found = loop.find(*journal, LogId(7));
  ASSERT_EQ(found.size(), 1U);
  expect_same(found[0], record);
}

TEST_F(SqliteJournals, TheDestructorWritesWhatHasQueuedUp) {
  {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 1000; ++id) journal->write(record_of(id), {});
  }
  const auto journal = open();
  EXPECT_EQ(loop.open_jobs(*journal).size(), 1000U);
}

TEST_F(SqliteJournals, WhatWasKeptOutlivesAKilledProcess) {
  const auto write_and_die = [this] {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 200; ++id) {
      if (!loop.keep(*journal, record_of(id, JobState::accepted))) ::_exit(1);
    }
    std::raise(SIGKILL);
  };
  EXPECT_EXIT(write_and_die(), testing::KilledBySignal(SIGKILL), "");
  const auto journal = open();
  EXPECT_EQ(loop.open_jobs(*journal).size(), 200U);
}

TEST_F(SqliteJournals, ASecondOpenerIsRefused) {
  {
    const auto journal = open();
    EXPECT_THAT(refusal(), HasSubstr("another process has it open"));
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(SqliteJournals, AFileOfANewerVersionIsRefused) {
  open();
  run_sql("UPDATE meta SET value = '4' WHERE name = 'schema_version'");
  EXPECT_THAT(refusal(), HasSubstr("journal=1.db: its schema version is 4, and this program knows up to 3"));
  run_sql("UPDATE meta SET value = 'x' WHERE name = 'schema_version'");
  EXPECT_THAT(refusal(), HasSubstr("its schema version is x"));
}

TEST_F(SqliteJournals, AFileThatIsNoDatabaseIsRefused) {
  options.path = dir.file("notes.txt");
  std::ofstream(options.path) << "these are notes, and no journal at all\n";
  EXPECT_THAT(refusal(), HasSubstr("notes.txt: file is not a database"));
}

TEST_F(SqliteJournals, AFolderInItsPlaceIsRefused) {
  options.path = dir.file("journal.db");
  std::filesystem::create_directory(options.path);
  EXPECT_THAT(refusal(), HasSubstr("journal.db: Is a directory"));
}

TEST_F(SqliteJournals, AFileInThePlaceOfItsFolderIsRefused) {
  std::ofstream(dir.file("sub folder")) << "a file";
  EXPECT_THAT(refusal(), HasSubstr("journal=1.db: "));
}

TEST_F(SqliteJournals, AFolderThatCannotBeWrittenIsRefused) {
  const auto try_as_nobody = [this] {
    options.path = dir.file("journal.db");
    ::chmod(dir.path().c_str(), 0555);
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(1);
    ::_exit(refusal().find("Permission denied") != std::string::npos ? 0 : 2);
  };
  EXPECT_EXIT(try_as_nobody(), testing::ExitedWithCode(0), "");
  ::chmod(dir.path().c_str(), 0755);
}

TEST_F(SqliteJournals, ATruncatedFileIsRefused) {
  {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 50; ++id) {
      JobRecord record = full_record(id);
      record.outcome.worker->result.assign(20000, 'x');
      journal->write(std::move(record), {});
    }
  }
  std::filesystem::resize_file(options.path, std::filesystem::file_size(options.path) / 2);
  EXPECT_THAT(refusal(), HasSubstr("journal=1.db: database disk image is malformed"));
}

TEST_F(SqliteJournals, ADamagedEntryIsLeftOut) {
  {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 4; ++id) journal->write(record_of(id), {});
  }
  run_sql("UPDATE job SET record = '!' WHERE log_id = '0000000000000001'");
  run_sql(
      "UPDATE job SET record = (SELECT record FROM job WHERE log_id = '0000000000000004') "
      "WHERE log_id = '0000000000000002'");
  run_sql("UPDATE job SET state = -1 WHERE log_id = '0000000000000003'");
  const auto journal = open();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{4});
}

TEST_F(SqliteJournals, ItsLogStaysBounded) {
  const auto journal = open();
  std::uintmax_t largest = 0;
  for (std::uint64_t id = 1; id <= 160; ++id) {
    JobRecord record = full_record(id);
    record.outcome.worker->result.assign(1 << 20, 'x');
    ASSERT_TRUE(loop.keep(*journal, record));
    largest = std::max(largest, std::filesystem::file_size(options.path + "-wal"));
  }
  EXPECT_GT(std::filesystem::file_size(options.path), 100U << 20) << "more was written than the log holds";
  EXPECT_LT(largest, 80U << 20);
}

class Retention : public SqliteJournals {
 protected:
  Retention() { options.tidy = Millis(10); }

  void until_done_are(SqliteJournal& journal, std::size_t count) {
    std::size_t done = 0;
    loop.until(
        [&] {
          done = loop.list(journal, {.state = "done", .ip = "", .limit = 10000}).size();
          return done <= count;
        },
        "what is beyond the limit is removed");
    EXPECT_EQ(done, count);
  }
};

TEST_F(Retention, RemovesTheOldestPublishedBeyondTheCount) {
  options.keep.count = 10;
  const auto journal = open();
  journal->write(record_of(1, JobState::accepted), {});
  for (std::uint64_t id = 2; id <= 1300; ++id) journal->write(record_of(id, JobState::published), {});
  until_done_are(*journal, 10);
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "", .limit = 20})),
            (Ids{1300, 1299, 1298, 1297, 1296, 1295, 1294, 1293, 1292, 1291, 1}));
}

TEST_F(Retention, CountsWhatWasThereWhenItOpens) {
  {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 20; ++id) journal->write(record_of(id, JobState::published), {});
  }
  options.keep.count = 10;
  const auto journal = open();
  until_done_are(*journal, 10);
}

TEST_F(Retention, RemovesWhatIsTooOld) {
  {
    const auto journal = open();
    EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::accepted)));
    for (std::uint64_t id = 2; id <= 4; ++id) {
      journal->write(history_of(id, JobState::published), {});
      EXPECT_EQ(loop.list(*journal, {}).size(), id) << "asked for, each has a block";
    }
  }
  run_sql("UPDATE job SET created = created - 7200000000");
  run_sql("UPDATE history SET newest = newest - 7200000000 WHERE first_id < '0000000000000004'");
  run_sql("UPDATE history SET ended = ended - 7200000 WHERE first_id = '0000000000000002'");
  options.keep.age = std::chrono::hours(1);
  const auto journal = open();
  until_done_are(*journal, 2);
  EXPECT_EQ(ids(loop.list(*journal, {.state = "done", .ip = "", .limit = 9})), (Ids{4, 3}));
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{1});
}

TEST_F(Retention, RemovesTheOldestPublishedBeyondTheSize) {
  options.keep.bytes = 1 << 20;
  const auto journal = open();
  for (std::uint64_t id = 1; id <= 60; ++id) {
    JobRecord record = full_record(id);
    record.state = id == 1 ? JobState::accepted : JobState::published;
    record.outcome.worker->result.assign(80000, 'x');
    journal->write(std::move(record), {});
  }
  Ids left;
  loop.until([&] { return left = ids(loop.list(*journal, {})), left.size() < 15; }, "the oldest are removed");
  EXPECT_GT(left.size(), 5U);
  EXPECT_EQ(left.front(), 60U);
  EXPECT_EQ(left.back(), 1U);
}

}  // namespace
}  // namespace elves::journal::test
