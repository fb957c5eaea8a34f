// The journal's second file, of the jobs that are over: nothing that happens to it costs an open job
// anything.
#include <csignal>
#include <fstream>

#include "contract/past_fixture.h"

namespace elves::journal::test {
namespace {

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

// It is this process's alone, so that nobody's reading stops it.
TEST_F(Past, IsLockedToOtherPrograms) {
  begin();
  soci::session reader(soci::sqlite3, "db=\"" + past + "\"");
  int count = 0;
  EXPECT_THROW((reader << "SELECT count(*) FROM history", soci::into(count)), soci::soci_error);
}

}  // namespace
}  // namespace elves::journal::test
