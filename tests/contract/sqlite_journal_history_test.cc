// What the journal on disk does with entries that are only history: it takes its time, and forgets none.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <csignal>

#include "contract/journal_fixture.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using Ids = std::vector<std::uint64_t>;

class History : public testing::Test {
 protected:
  std::unique_ptr<SqliteJournal> open() { return std::make_unique<SqliteJournal>(options, loop.poster()); }
  // Rows in the file, for everybody to see.
  int rows() {
    int count = 0;
    soci::session sql(soci::sqlite3, options.path);
    sql << "SELECT count(*) FROM job", soci::into(count);
    return count;
  }
  // Bytes of the history's file.
  std::uintmax_t past() { return std::filesystem::file_size(history_path(options.path)); }
  static JobRecord large(std::uint64_t id, std::size_t size) {
    JobRecord record = history_of(id, JobState::published);
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(size, 'x')};
    return record;
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options{.path = dir.file("journal.db"), .gather = std::chrono::hours(1)};
};

TEST_F(History, WaitsForCompanyUntilAQuestion) {
  const auto journal = open();
  for (std::uint64_t id = 1; id <= 3; ++id) journal->write(history_of(id), {});
  EXPECT_TRUE(loop.keep(*journal, record_of(4)));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(loop.list(*journal, {}).size(), 4U);
  EXPECT_EQ(rows(), 4);
}

TEST_F(History, IsWrittenByItselfBeforeLong) {
  options.gather = Millis(20);
  const auto journal = open();
  for (int round = 1; round <= 3; ++round) {
    for (std::uint64_t id = 1; id <= 300; ++id) journal->write(history_of(id * 10 + round), {});
    loop.until([&] { return rows() == 300 * round; }, "it is in the file");
  }
}

TEST_F(History, IsThereAfterAnEnd) {
  {
    const auto journal = open();
    for (std::uint64_t id = 1; id <= 1000; ++id) journal->write(history_of(id, JobState::received), {});
    for (std::uint64_t id = 1; id <= 1000; ++id) journal->write(history_of(id, JobState::published), {});
  }
  EXPECT_EQ(rows(), 0);
  const auto journal = open();
  EXPECT_TRUE(loop.open_jobs(*journal).empty());
  EXPECT_EQ(loop.list(*journal, {.state = "done", .ip = "", .limit = 2000}).size(), 1000U);
}

TEST_F(History, OfWhatWasAcknowledgedDoesNotWait) {
  const auto journal = open();
  JobRecord record = history_of(1);
  record.acknowledged = true;
  journal->write(std::move(record), {});
  loop.until([&] { return rows() == 1; }, "it is in the file");
}

TEST_F(History, GoesAtOnceWhenItIsMuch) {
  const auto journal = open();
  for (std::uint64_t id = 1; id <= 12; ++id) journal->write(large(id, 1 << 20), {});
  loop.until([&] { return past() > 1 << 20; }, "it is in the file");
}

TEST_F(History, OfManyIsNotLeftInTheMailboxForLong) {
  const auto journal = open();
  for (std::uint64_t id = 1; id <= 40000; ++id) journal->write(history_of(id), {});
  loop.until([&] { return rows() > 0; }, "it is in the file");
}

// Whatever the thread takes together.
TEST_F(History, TheLastWriteCountsHoweverTheyMix) {
  for (int round = 0; round < 200; ++round) {
    options.path = dir.file(std::to_string(round % 2) + ".db");
    const auto journal = open();
    JobRecord acknowledged = history_of(1);
    acknowledged.acknowledged = true;
    journal->write(history_of(1, JobState::received), {});
    journal->write(std::move(acknowledged), [](const Result<void>&) {});
    journal->write(history_of(1, JobState::published), {});
    journal->write(history_of(2, JobState::received), {});
    journal->write(history_of(2, JobState::settled), [](const Result<void>&) {});
    EXPECT_EQ(loop.find(*journal, LogId(1)).at(0).state, JobState::published);
    EXPECT_EQ(loop.find(*journal, LogId(2)).at(0).state, JobState::settled);
  }
}

TEST_F(History, IsAllThatAKilledProcessForgets) {
  const auto write_and_die = [this] {
    const auto journal = open();
    journal->write(history_of(1), {});
    if (!loop.keep(*journal, record_of(2, JobState::accepted))) ::_exit(1);
    JobRecord acknowledged = history_of(3);
    acknowledged.acknowledged = true;
    if (!loop.keep(*journal, acknowledged)) ::_exit(1);
    journal->write(history_of(4), {});
    std::raise(SIGKILL);
  };
  EXPECT_EXIT(write_and_die(), testing::KilledBySignal(SIGKILL), "");
  const auto journal = open();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{2, 3}));
}

}  // namespace
}  // namespace elves::journal::test
