// The journal on a disk that takes no more, and after it does again.
#include <sys/resource.h>

#include <csignal>

#include "contract/journal_fixture.h"
#include "journal/record_codec.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using Ids = std::vector<std::uint64_t>;

// While it lives, no file of this process grows beyond so many bytes: to its writers the disk is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tight{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

struct Counter final : MetricsSink {
  void count(Event event) override {
    if (event == Event::journal_shortened) ++shortened;
    if (event == Event::journal_lost) ++lost;
  }
  std::size_t shortened = 0;
  std::size_t lost = 0;
};

class FailingJournal : public testing::Test {
 protected:
  FailingJournal() {
    options.path = dir.file("journal.db");
    options.retry = Millis(20);
    options.metrics = &counter;
    journal = std::make_unique<SqliteJournal>(options, loop.poster());
    EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::accepted)));
    EXPECT_EQ(journal->trouble(), "");
  }

  // More than a file may grow to.
  static JobRecord large(std::uint64_t id, JobState state = JobState::accepted) {
    JobRecord record = record_of(id, state);
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(limit, 'x')};
    return record;
  }
  static JobRecord with_texts(std::uint64_t id) {
    JobRecord record = history_of(id, JobState::published);
    Job job = *record.job;
    job.param = std::string(1000, 'p');
    record.job = std::make_shared<const Job>(std::move(job));
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(1000, 'r')};
    return record;
  }
  void recover() {
    full.reset();
    loop.until([&] { return journal->trouble().empty(); }, "the journal recovers");
  }

  static constexpr std::size_t limit = 1 << 20;
  Counter counter;
  TempDir dir;
  Loop loop;
  SqliteJournal::Options options;
  std::unique_ptr<SqliteJournal> journal;
  std::unique_ptr<FullDisk> full;
};

TEST_F(FailingJournal, TellsWhoWaits) {
  options.retry = std::chrono::hours(1);
  journal.reset();
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  full = std::make_unique<FullDisk>(limit);
  const Result<void> kept = loop.keep(*journal, large(2));
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::overloaded);
  EXPECT_TRUE(kept.error().detail.starts_with("the journal cannot be written: d")) << kept.error().detail;
  EXPECT_NE(journal->trouble(), "");
}

TEST_F(FailingJournal, RecoversByItselfAndHasNothingOfWhatFailed) {
  full = std::make_unique<FullDisk>(limit);
  ASSERT_FALSE(loop.keep(*journal, large(2)));
  recover();
  EXPECT_EQ(ids(loop.list(*journal, {})), Ids{1});
  EXPECT_TRUE(loop.keep(*journal, large(3)));
  EXPECT_EQ(ids(loop.list(*journal, {})), (Ids{3, 1}));
}

TEST_F(FailingJournal, WritesLaterWhatNobodyWaitsFor) {
  full = std::make_unique<FullDisk>(limit);
  journal->write(large(1, JobState::published), {});
  loop.until([&] { return !journal->trouble().empty(); }, "the write fails");
  EXPECT_EQ(loop.find(*journal, LogId(1)).at(0).state, JobState::accepted);
  recover();
  EXPECT_EQ(loop.find(*journal, LogId(1)).at(0).state, JobState::published);
}

TEST_F(FailingJournal, AFailedWriteDoesNotTakeAnEarlierOneWithIt) {
  full = std::make_unique<FullDisk>(limit);
  journal->write(large(2, JobState::accepted), {});
  EXPECT_FALSE(loop.keep(*journal, large(2, JobState::settled)));
  recover();
  const Records found = loop.find(*journal, LogId(2));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].state, JobState::accepted);
}

TEST_F(FailingJournal, ALaterWriteWinsOverOneThatWaits) {
  full = std::make_unique<FullDisk>(limit);
  journal->write(large(2, JobState::accepted), {});
  loop.until([&] { return !journal->trouble().empty(); }, "the write fails");
  EXPECT_TRUE(loop.keep(*journal, record_of(2, JobState::published)));
  recover();
  EXPECT_EQ(loop.find(*journal, LogId(2)).at(0).state, JobState::published);
}

// Two have their texts, those that come then are without, and for the last there is no room.
TEST_F(FailingJournal, HoldsABoundedHistory) {
  options.path = dir.file("bounded.db");
  Appender memory;
  options.max_unwritten = weight_of(entry_of(with_texts(2), memory)) + 1;
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  full = std::make_unique<FullDisk>(limit);
  ASSERT_FALSE(loop.keep(*journal, large(2)));
  std::uint64_t last = 3;
  while (counter.lost == 0) journal->write(with_texts(last++), {});
  recover();
  const Records found = loop.list(*journal, {});
  ASSERT_EQ(found.size(), last - 4) << "all but the one that was lost";
  ASSERT_EQ(found.size(), counter.shortened + 2);
  expect_same(found[found.size() - 1], with_texts(3));
  expect_same(found[found.size() - 2], with_texts(4));
  for (std::size_t at = 0; at < counter.shortened; ++at) {
    EXPECT_TRUE(found[at].texts_left_out);
    EXPECT_EQ(found[at].job->param, "");
    EXPECT_EQ(found[at].outcome.worker->result, "");
    EXPECT_EQ(found[at].outcome.worker->flag, 1);
  }
}

TEST_F(FailingJournal, HasRoomAgainAfterwards) {
  options.path = dir.file("bounded.db");
  options.max_unwritten = 1;
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  full = std::make_unique<FullDisk>(limit);
  ASSERT_FALSE(loop.keep(*journal, large(2)));
  journal->write(with_texts(3), {});
  journal->write(with_texts(4), {});
  EXPECT_EQ(counter.lost, 1U);
  recover();
  EXPECT_EQ(ids(loop.find(*journal, LogId(3))), Ids{3});
  journal->write(with_texts(5), {});
  expect_same(loop.find(*journal, LogId(5)).at(0), with_texts(5));
}

TEST_F(FailingJournal, WritesHistoryLater) {
  full = std::make_unique<FullDisk>(limit);
  ASSERT_FALSE(loop.keep(*journal, large(2)));
  journal->write(history_of(3, JobState::received), {});
  journal->write(history_of(3, JobState::published), {});
  recover();
  EXPECT_EQ(loop.find(*journal, LogId(3)).at(0).state, JobState::published);
}

TEST_F(FailingJournal, TellsOfHistoryThatCannotBeWritten) {
  full = std::make_unique<FullDisk>(limit);
  JobRecord record = history_of(3, JobState::published);
  record.outcome.worker = large(3).outcome.worker;
  journal->write(std::move(record), {});
  loop.until([&] { return !journal->history_trouble().empty(); }, "the write fails");
  EXPECT_TRUE(loop.keep(*journal, record_of(4))) << "it does not become a row, which would fail as well";
  EXPECT_EQ(journal->trouble(), "");
  full.reset();
  loop.until([&] { return journal->history_trouble().empty(); }, "the history recovers");
  EXPECT_EQ(ids(loop.find(*journal, LogId(3))), Ids{3});
}

// The log of the one file is longer than the limit, the other file is not.
TEST_F(FailingJournal, CopiesNoJobToTheHistoryTwice) {
  options.path = dir.file("moving.db");
  options.gather = std::chrono::hours(1);
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  EXPECT_TRUE(loop.keep(*journal, large(1)));
  EXPECT_TRUE(loop.keep(*journal, record_of(2, JobState::published)));
  full = std::make_unique<FullDisk>(limit);
  journal->write(history_of(3, JobState::published), {});
  loop.find(*journal, LogId(3));
  loop.until([&] { return !journal->trouble().empty(); }, "its row cannot be removed");
  EXPECT_EQ(journal->history_trouble(), "");
  recover();
  EXPECT_EQ(ids(loop.list(*journal, {})), (Ids{3, 2, 1}));
  journal.reset();
  const auto sql = session_of_both(options.path);
  int rows = 0;
  int finished = 0;
  *sql << "SELECT (SELECT count(*) FROM job), (SELECT sum(count) FROM history)", soci::into(rows),
      soci::into(finished);
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(finished, 2);
}

TEST_F(FailingJournal, EndsInTrouble) {
  full = std::make_unique<FullDisk>(limit);
  journal->write(large(2), {});
  ASSERT_FALSE(loop.keep(*journal, large(3)));
  journal.reset();
  full.reset();
  journal = std::make_unique<SqliteJournal>(options, loop.poster());
  EXPECT_EQ(ids(loop.open_jobs(*journal)), Ids{1});
}

}  // namespace
}  // namespace elves::journal::test
