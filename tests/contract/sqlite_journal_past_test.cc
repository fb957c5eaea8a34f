// The journal's second file, of the jobs that are over: nothing that happens to it costs an open job
// anything.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "contract/journal_fixture.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;
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

TEST_F(Past, HasWhatIsOverAndTheJournalTheRest) {
  begin();
  EXPECT_EQ(list("done"), (Ids{3, 2}));
  EXPECT_EQ(list("open"), Ids{1});
  open();
  EXPECT_EQ(list("done"), (Ids{3, 2}));
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{1});
}

TEST_F(Past, AJobIsThereWhileItIsOnItsWay) {
  options.gather = std::chrono::hours(1);
  open();
  keep(record_of(1, JobState::settled));
  keep(record_of(1, JobState::published));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(list("published"), Ids{1});
  EXPECT_EQ(list("open"), Ids{});
}

TEST_F(Past, AKilledProcessForgetsNoEndThatSomebodyWaitedFor) {
  const auto write_and_die = [this] {
    options.gather = std::chrono::hours(1);
    open();
    keep(record_of(1, JobState::accepted));
    keep(record_of(1, JobState::published));
    std::raise(SIGKILL);
  };
  EXPECT_EXIT(write_and_die(), testing::KilledBySignal(SIGKILL), "");
  open();
  EXPECT_TRUE(loop.open_jobs(*journal).empty());
  EXPECT_EQ(list("done"), Ids{1});
  until_rows_are(0);
  EXPECT_EQ(list("done"), Ids{1});
}

TEST_F(Past, AJobThatIsOpenAgainStays) {
  options.gather = std::chrono::hours(1);
  open();
  keep(record_of(1, JobState::published));
  keep(record_of(1, JobState::settled));
  journal->write(history_of(2, JobState::published), {});
  EXPECT_EQ(list("open"), Ids{1});
  EXPECT_EQ(list("done"), Ids{2});
  open();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{1});
}

// Killed after the history had it, and before its row was gone.
TEST_F(Past, AJobThatIsInBothIsToldOnce) {
  begin();
  const std::string before = dir.file("before.db");
  journal.reset();
  fs::copy_file(options.path, before);
  {
    soci::session sql(soci::sqlite3, before);
    sql << "INSERT INTO job SELECT created + 1, '0000000000000002', 3, agent_ip, record FROM job";
  }
  fs::rename(before, options.path);
  open();
  loop.list(*journal, {});
  until_rows_are(1);
  EXPECT_EQ(list("done").size(), 2U);
}

// Likewise, and the next process did not know how it had ended.
TEST_F(Past, TheFirstEndOfAJobThatIsInBothCounts) {
  begin();
  journal.reset();
  {
    const auto sql = session_of_both(options.path);
    *sql << "INSERT INTO job SELECT (SELECT max(newest) FROM history), '0000000000000003', 0, agent_ip, "
            "record "
            "FROM job";
  }
  open();
  JobRecord unknown = history_of(3, JobState::published);
  unknown.outcome.error = Error{ErrorCode::outcome_unknown, "the scheduler was cut off"};
  journal->write(std::move(unknown), {});
  EXPECT_EQ(list("open"), Ids{1});
  EXPECT_EQ(list("done"), (Ids{3, 2}));
  EXPECT_EQ(loop.find(*journal, LogId(3)).at(0).outcome.error, std::nullopt);
  EXPECT_EQ(loop.list(*journal, {.state = "done", .ip = "", .limit = 1}).at(0).outcome.error, std::nullopt);
}

TEST_F(Past, AnEndThatIsOnlyHistoryTakesItsRowWithIt) {
  open();
  JobRecord begun = history_of(1, JobState::received);
  journal->write(begun, {});
  until_rows_are(1);
  journal->write(history_of(1, JobState::published), {});
  until_rows_are(0);
  EXPECT_EQ(list(""), Ids{1});
}

TEST_F(Past, ThatIsDamagedIsMovedAside) {
  begin();
  journal.reset();
  std::ofstream(past) << std::string(100000, 'x');
  open();
  EXPECT_EQ(list("done"), Ids{});
  EXPECT_EQ(set_aside(), 1U);
  EXPECT_EQ(journal->history_trouble(), "");
  expect_jobs_go_on();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{1});
}

TEST_F(Past, WhoseDamageIsFoundLaterIsMovedAside) {
  begin();
  JobRecord large = record_of(9, JobState::published);
  large.outcome.worker = WorkerAnswer{1, 1, std::string(3 << 20, 'x')};
  keep(large);
  until_rows_are(1);
  open();
  const auto size = static_cast<std::size_t>(fs::file_size(past));
  {
    std::fstream file(past, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(65536);
    file << std::string(size - 65536, '\x5A');
  }
  loop.find(*journal, LogId(9));
  EXPECT_EQ(set_aside(), 1U);
  expect_jobs_go_on();
  EXPECT_EQ(list("done"), Ids{5});
}

TEST_F(Past, ThatIsRemovedIsBegunAgain) {
  begin();
  fs::remove(past);
  expect_jobs_go_on();
  EXPECT_EQ(list("done"), Ids{5});
  EXPECT_TRUE(fs::exists(past));
  EXPECT_EQ(set_aside(), 0U);
}

TEST_F(Past, ThatIsReplacedByNoDatabaseIsMovedAside) {
  begin();
  fs::rename(past, dir.file("taken"));
  std::ofstream(past) << std::string(100000, 'x');
  expect_jobs_go_on();
  EXPECT_EQ(list("done"), Ids{5});
  EXPECT_EQ(set_aside(), 1U);
}

class Unusable : public Past {
 protected:
  void expect_trouble(const std::string& why) {
    journal->write(history_of(3, JobState::published), {});
    loop.until([&] { return !journal->history_trouble().empty(); }, "it is told");
    EXPECT_THAT(journal->history_trouble(), HasSubstr(why));
    expect_jobs_go_on();
    EXPECT_THAT(list("done"), UnorderedElementsAre(3, 5));
  }
};

TEST_F(Unusable, BecauseAnotherProgramReadsItCostsNothing) {
  begin();
  journal.reset();
  soci::session reader(soci::sqlite3, "db=\"" + past + "\"");
  reader << "BEGIN";
  int count = 0;
  reader << "SELECT count(*) FROM history", soci::into(count);
  open();
  expect_trouble("database is locked");
  reader << "COMMIT";
  until_history_is_well();
  until_rows_are(2);
  EXPECT_THAT(list("done"), UnorderedElementsAre(2, 3, 5));
}

TEST_F(Unusable, BecauseAFolderIsInItsPlaceItWaits) {
  fs::create_directory(past);
  open();
  keep(record_of(1, JobState::accepted));
  expect_trouble("Is a directory");
  fs::remove(past);
  until_history_is_well();
  until_rows_are(2);
  EXPECT_THAT(list("done"), UnorderedElementsAre(3, 5));
}

TEST_F(Unusable, ForLongKeepsNoMoreRowsThanTheHistoryWould) {
  fs::create_directory(past);
  options.keep.count = 10;
  options.tidy = Millis(10);
  open();
  for (std::uint64_t id = 1; id <= 40; ++id) keep(record_of(id, JobState::published));
  loop.until([&] { return rows() == 10; }, "what is beyond the limit is removed");
  EXPECT_EQ(list("done"), (Ids{40, 39, 38, 37, 36, 35, 34, 33, 32, 31}));
}

TEST_F(Unusable, ForLongIsTidiedUpInOneGo) {
  fs::create_directory(past);
  open();
  for (std::uint64_t id = 1; id <= 12000; ++id) journal->write(record_of(id, JobState::published), {});
  options.keep.count = 10;
  options.tidy = std::chrono::hours(1);
  open();
  loop.until([&] { return rows() == 10; }, "what is beyond the limit is removed");
}

TEST_F(Unusable, AtTheEndIsWhatKeepsRows) {
  fs::create_directory(past);
  open();
  keep(record_of(1, JobState::published));
  journal->write(history_of(2, JobState::published), {});
  journal.reset();
  fs::remove(past);
  open();
  EXPECT_THAT(list("done"), UnorderedElementsAre(1, 2));
}

// It is this process's alone, so that nobody's reading stops it.
TEST_F(Past, IsLockedToOtherPrograms) {
  begin();
  soci::session reader(soci::sqlite3, "db=\"" + past + "\"");
  int count = 0;
  EXPECT_THROW((reader << "SELECT count(*) FROM history", soci::into(count)), soci::soci_error);
}

}  // namespace
}  // namespace elves::journal::test
