// The journal whose second file, of the jobs that are over, cannot be used.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "contract/past_fixture.h"

namespace elves::journal::test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

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

// Of what ended before, late results and repeated requests are known.
TEST_F(Past, IsWaitedForAtTheStart) {
  begin();
  journal.reset();
  options.patience = Seconds(20);
  options.retry = std::chrono::hours(1);
  soci::session reader(soci::sqlite3, "db=\"" + past + "\"");
  reader << "BEGIN";
  int count = 0;
  reader << "SELECT count(*) FROM history", soci::into(count);
  // Who waits to write lets nobody else begin to read.
  const auto nobody_waits = [&] {
    try {
      soci::session another(soci::sqlite3, "db=\"" + past + "\"");
      another << "SELECT count(*) FROM history", soci::into(count);
      return true;
    } catch (const soci::soci_error&) {
      return false;
    }
  };
  std::atomic<bool> is_open = false;
  std::thread release([&] {
    while (!is_open && nobody_waits()) std::this_thread::yield();
    reader << "COMMIT";
  });
  open();
  is_open = true;
  release.join();
  EXPECT_EQ(journal->history_trouble(), "");
  EXPECT_EQ(list("done"), (Ids{3, 2}));
}

}  // namespace
}  // namespace elves::journal::test
