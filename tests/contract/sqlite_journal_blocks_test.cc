// How the journal on disk tells finished jobs apart, which it writes many at a time.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "contract/journal_fixture.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using Ids = std::vector<std::uint64_t>;

class Blocks : public testing::Test {
 protected:
  // All of them in as few transactions as it takes.
  void write(const std::vector<JobRecord>& records) {
    for (const JobRecord& record : records) journal->write(record, {});
    EXPECT_TRUE(loop.list(*journal, {.state = "", .ip = "", .limit = 0}).empty());
  }
  void open() { journal = std::make_unique<SqliteJournal>(options, loop.poster()); }
  // Between an end and a start.
  void harm(const std::string& statement) {
    journal.reset();
    {
      const auto sql = session_of_both(options.path);
      *sql << statement;
    }
    open();
  }
  // Likewise.
  int count(const std::string& query) {
    journal.reset();
    int count = 0;
    {
      const auto sql = session_of_both(options.path);
      *sql << query, soci::into(count);
    }
    open();
    return count;
  }
  Ids list(const char* state, const char* ip, std::size_t limit) {
    return ids(loop.list(*journal, {.state = state, .ip = ip, .limit = limit}));
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options{.path = dir.file("journal.db"), .gather = std::chrono::hours(1)};
  std::unique_ptr<SqliteJournal> journal = std::make_unique<SqliteJournal>(options, loop.poster());
};

TEST_F(Blocks, HoldManyJobsAndEachIsFound) {
  std::vector<JobRecord> records;
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    records.push_back(history_of(id, JobState::published));
    records.back().outcome.worker = WorkerAnswer{.flag = 1, .costtime = 2, .result = std::to_string(id)};
  }
  write(records);
  EXPECT_EQ(count("SELECT sum(count) FROM history"), 1000);
  EXPECT_LT(count("SELECT count(*) FROM history"), 20);
  EXPECT_EQ(count("SELECT count(*) FROM job"), 0);
  for (const JobRecord& record : records) {
    const Records found = loop.find(*journal, record.job->log_id);
    ASSERT_EQ(found.size(), 1U);
    expect_same(found[0], record);
  }
  EXPECT_TRUE(loop.find(*journal, LogId(1001)).empty());
}

TEST_F(Blocks, TakeAJobOverFromTheOpenOnes) {
  write({record_of(1, JobState::received), record_of(2, JobState::accepted)});
  write({record_of(1, JobState::published)});
  EXPECT_EQ(list("done", "", 9), Ids{1});
  EXPECT_EQ(count("SELECT count(*) FROM job"), 1);
  EXPECT_EQ(count("SELECT sum(count) FROM history"), 1);
  EXPECT_EQ(list("open", "", 9), Ids{2});
  EXPECT_EQ(list("done", "", 9), Ids{1});
}

TEST_F(Blocks, KeepTheOrderInWhichJobsBegan) {
  write({record_of(1, JobState::accepted)});
  write({record_of(2, JobState::published), record_of(3, JobState::accepted)});
  write({record_of(4, JobState::published), record_of(3, JobState::published)});
  write({record_of(1, JobState::published), record_of(5, JobState::published)});
  EXPECT_EQ(list("", "", 9), (Ids{5, 4, 3, 2, 1}));
  EXPECT_EQ(list("", "", 3), (Ids{5, 4, 3}));
  EXPECT_EQ(list("done", "", 1), Ids{5});
}

TEST_F(Blocks, KnowTheMachinesOfTheirJobs) {
  const auto on = [](std::uint64_t id, const char* ip) { return record_of(id, JobState::published, ip); };
  write({on(1, "10.0.0.1"), on(2, "10.0.0.2"), on(3, "10.0.0.1")});
  write({on(4, "10.0.0.2"), on(5, "10.0.0.1"), record_of(6, JobState::accepted, "10.0.0.1")});
  EXPECT_EQ(list("", "10.0.0.1", 9), (Ids{6, 5, 3, 1}));
  EXPECT_EQ(list("done", "10.0.0.1", 2), (Ids{5, 3}));
  EXPECT_EQ(list("", "10.0.0.3", 9), Ids{});
}

TEST_F(Blocks, ThatAreDamagedAreLeftOut) {
  for (std::uint64_t id = 1; id <= 3; ++id) write({history_of(id, JobState::published)});
  harm("UPDATE history SET jobs = substr(jobs, 1, 20) WHERE first_id = '0000000000000002'");
  EXPECT_EQ(list("", "", 9), (Ids{3, 1}));
  EXPECT_TRUE(loop.find(*journal, LogId(2)).empty());
}

class ClockSetBack : public Blocks, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Since, ClockSetBack,
                         testing::Values("UPDATE history SET newest = newest + 7200000000",
                                         "UPDATE job SET created = created + 7200000000"));

TEST_P(ClockSetBack, NewJobsAreNewerThanAllThatAreThere) {
  write({record_of(1, JobState::accepted), record_of(2, JobState::published)});
  harm(GetParam());
  write({record_of(3, JobState::accepted)});
  write({record_of(4, JobState::published)});
  EXPECT_EQ(list("open", "", 9), (Ids{3, 1}));
  EXPECT_EQ(list("done", "", 9).front(), 4U);
}

// A result that came after its job was given up.
TEST_F(Blocks, OfAJobThatEndsTwiceTheLaterEndCounts) {
  JobRecord late = record_of(1, JobState::settled);
  late.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 2, .result = "late"};
  write({history_of(1, JobState::published), history_of(2, JobState::published)});
  write({late});
  EXPECT_EQ(loop.find(*journal, LogId(1)).at(0).state, JobState::settled);
  EXPECT_EQ(list("", "", 9), (Ids{1, 2}));
  late.state = JobState::published;
  write({late});
  const Records found = loop.find(*journal, LogId(1));
  ASSERT_EQ(found.size(), 1U);
  expect_same(found[0], late);
  EXPECT_EQ(list("", "", 9), (Ids{1, 2}));
  EXPECT_EQ(list("done", "", 2), (Ids{1, 2}));
}

// Likewise, told from the first by what it says: both came at the same time.
TEST_F(Blocks, ALateResultCountsHoweverEarlyItsJobCame) {
  JobRecord job = record_of(1, JobState::published);
  job.outcome.started = std::chrono::floor<Millis>(std::chrono::system_clock::now()) - Seconds(50);
  job.outcome.error = Error{ErrorCode::job_timeout, ""};
  write({job});
  write({history_of(2, JobState::published)});
  EXPECT_EQ(count("SELECT count(*) FROM job"), 0);
  job.outcome.error.reset();
  job.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 2, .result = "late"};
  job.state = JobState::settled;
  write({job});
  job.state = JobState::published;
  write({job});
  EXPECT_EQ(count("SELECT count(*) FROM job"), 0);
  expect_same(loop.find(*journal, LogId(1)).at(0), job);
  const Records listed = loop.list(*journal, {});
  ASSERT_EQ(ids(listed), (Ids{2, 1}));
  expect_same(listed[1], job);
}

TEST_F(Blocks, AreCutWhenNotAllOfOneIsBeyondTheLimit) {
  options.keep.count = 100;
  options.tidy = Millis(10);
  std::vector<JobRecord> records;
  for (std::uint64_t id = 1; id <= 130; ++id) records.push_back(history_of(id, JobState::published));
  write(records);
  journal.reset();
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  loop.until([&] { return list("done", "", 1000).size() <= 100; }, "what is beyond the limit is removed");
  const Ids left = list("done", "", 1000);
  EXPECT_EQ(left.size(), 100U);
  EXPECT_EQ(left.front(), 130U);
  EXPECT_EQ(left.back(), 31U);
}

}  // namespace
}  // namespace elves::journal::test
