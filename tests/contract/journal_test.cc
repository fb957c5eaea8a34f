// What every Journal does; run against each of them.
#include <algorithm>
#include <future>
#include <thread>

#include "contract/journal_fixture.h"
#include "journal/memory_journal.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using Ids = std::vector<std::uint64_t>;

class Journals : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("memory")) {
      journal = std::make_unique<MemoryJournal>(MemoryJournal::Keep{}, loop.poster());
    } else {
      SqliteJournal::Options options;
      options.path = dir.file("journal.db");
      journal = std::make_unique<SqliteJournal>(options, loop.poster());
    }
  }

  TempDir dir;
  Loop loop;
  std::unique_ptr<ReadableJournal> journal;
};

INSTANTIATE_TEST_SUITE_P(Each, Journals, testing::Values("memory", "sqlite"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(Journals, FindsWhatWasWritten) {
  const JobRecord record = full_record(0xABC);
  EXPECT_TRUE(loop.keep(*journal, record));
  const Records found = loop.find(*journal, LogId(0xABC));
  ASSERT_EQ(found.size(), 1U);
  expect_same(found[0], record);
}

TEST_P(Journals, FindsNothingOfAnUnknownJob) {
  EXPECT_TRUE(loop.keep(*journal, record_of(1)));
  EXPECT_TRUE(loop.find(*journal, LogId(2)).empty());
}

TEST_P(Journals, KnowsAJobWithNothingInIt) {
  JobRecord record;
  record.job = std::make_shared<const Job>();
  EXPECT_TRUE(loop.keep(*journal, record));
  const Records found = loop.find(*journal, LogId());
  ASSERT_EQ(found.size(), 1U);
  expect_same(found[0], record);
}

TEST_P(Journals, NeedsNoCallback) {
  journal->write(record_of(1), {});
  EXPECT_EQ(ids(loop.find(*journal, LogId(1))), Ids{1});
}

TEST_P(Journals, ReplacesWhatItHoldsOfALogId) {
  EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::received)));
  EXPECT_TRUE(loop.keep(*journal, record_of(2, JobState::received)));
  EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::settled)));
  const Records found = loop.list(*journal, {});
  ASSERT_EQ(ids(found), (Ids{2, 1}));
  EXPECT_EQ(found[1].state, JobState::settled);
}

TEST_P(Journals, KeepsTheLastOfManyWritesOfOneLogId) {
  for (const JobState state :
       {JobState::received, JobState::accepted, JobState::settled, JobState::published}) {
    journal->write(record_of(1, state), {});
  }
  const Records found = loop.find(*journal, LogId(1));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].state, JobState::published);
}

TEST_P(Journals, CallsBackLaterAndInOrder) {
  Ids kept;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    journal->write(record_of(id), [&kept, id](const Result<void>& result) {
      EXPECT_TRUE(result);
      kept.push_back(id);
    });
  }
  EXPECT_TRUE(kept.empty());
  loop.until([&] { return kept.size() == 100; }, "all are kept");
  EXPECT_TRUE(std::ranges::is_sorted(kept));
}

TEST_P(Journals, ListsNewestFirstUpToTheLimit) {
  for (std::uint64_t id = 1; id <= 5; ++id) journal->write(record_of(id), {});
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "", .limit = 3})), (Ids{5, 4, 3}));
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "", .limit = 0})), Ids{});
}

TEST_P(Journals, ListsByState) {
  journal->write(record_of(1, JobState::received), {});
  journal->write(record_of(2, JobState::accepted), {});
  journal->write(record_of(3, JobState::settled), {});
  journal->write(record_of(4, JobState::published), {});
  const auto with = [&](const char* state) {
    return ids(loop.list(*journal, {.state = state, .ip = "", .limit = 100}));
  };
  EXPECT_EQ(with(""), (Ids{4, 3, 2, 1}));
  EXPECT_EQ(with("open"), (Ids{3, 2, 1}));
  EXPECT_EQ(with("done"), Ids{4});
  EXPECT_EQ(with("received"), Ids{1});
  EXPECT_EQ(with("accepted"), Ids{2});
  EXPECT_EQ(with("settled"), Ids{3});
  EXPECT_EQ(with("published"), Ids{4});
  EXPECT_EQ(with("no such state"), Ids{});
}

// A result that came after its job was given up.
TEST_P(Journals, AJobThatIsOpenAgainIsNotListedAsDone) {
  EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::published)));
  EXPECT_TRUE(loop.keep(*journal, record_of(2, JobState::published)));
  EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::settled)));
  const auto with = [&](const char* state, std::size_t limit) {
    return ids(loop.list(*journal, {.state = state, .ip = "", .limit = limit}));
  };
  EXPECT_EQ(with("done", 100), Ids{2});
  EXPECT_EQ(with("done", 1), Ids{2});
  EXPECT_EQ(with("open", 100), Ids{1});
  EXPECT_EQ(with("", 100).size(), 2U);
}

TEST_P(Journals, ListsByIp) {
  journal->write(record_of(1, JobState::received, "10.0.0.1"), {});
  journal->write(record_of(2, JobState::received, "10.0.0.2"), {});
  journal->write(record_of(3, JobState::published, "10.0.0.1"), {});
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "10.0.0.1", .limit = 100})), (Ids{3, 1}));
  EXPECT_EQ(ids(loop.list(*journal, {.state = "open", .ip = "10.0.0.1", .limit = 100})), Ids{1});
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "' OR 1 = 1 --", .limit = 100})), Ids{});
}

TEST_P(Journals, AListEndsWithTheRecordThatBringsItToAWeight) {
  for (std::uint64_t id = 1; id <= 6; ++id) {
    JobRecord record = record_of(id, id % 2 == 0 ? JobState::accepted : JobState::published);
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(100'000, 'x')};
    journal->write(std::move(record), {});
  }
  const auto list = [&](const char* state, std::size_t bytes) {
    return ids(loop.list(*journal, {.state = state, .ip = "", .limit = 100, .bytes = bytes}));
  };
  EXPECT_EQ(list("", 250'000), (Ids{6, 5, 4}));
  EXPECT_EQ(list("open", 150'000), (Ids{6, 4}));
  EXPECT_EQ(list("done", 150'000), (Ids{5, 3}));
  EXPECT_EQ(list("done", 1), Ids{5});
  EXPECT_EQ(list("", 1 << 20).size(), 6U);
}

TEST_P(Journals, AListOfLargeOnesHasTheNewest) {
  for (std::uint64_t id = 1; id <= 40; ++id) {
    JobRecord record = record_of(id, JobState::published);
    const std::size_t size = id % 3 == 0 ? 400'000 : 10;
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(size, 'x')};
    journal->write(std::move(record), {});
  }
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "", .limit = 100, .bytes = 1'000'000})),
            (Ids{40, 39, 38, 37, 36, 35, 34, 33}));
}

// A synchronous job is written at its end, or when it takes long.
TEST_P(Journals, ListsByTheTimesAtWhichJobsCame) {
  const auto begun = [](JobRecord record, int second) {
    record.outcome.started = std::chrono::system_clock::now() - Seconds(100 - second);
    return record;
  };
  EXPECT_TRUE(loop.keep(*journal, begun(record_of(2, JobState::accepted), 2)));
  journal->write(begun(history_of(3, JobState::published), 3), {});
  EXPECT_TRUE(loop.keep(*journal, begun(record_of(4, JobState::published), 4)));
  journal->write(begun(history_of(1, JobState::published), 1), {});
  EXPECT_EQ(ids(loop.list(*journal, {})), (Ids{4, 3, 2, 1}));
  EXPECT_EQ(ids(loop.list(*journal, {.state = "", .ip = "", .limit = 2})), (Ids{4, 3}));
}

TEST_P(Journals, TellsJobsOfOneMomentApart) {
  const auto now = std::chrono::system_clock::now();
  for (std::uint64_t id = 1; id <= 4; ++id) {
    JobRecord record = id % 2 == 0 ? record_of(id, JobState::accepted) : history_of(id, JobState::published);
    record.outcome.started = now;
    EXPECT_TRUE(loop.keep(*journal, std::move(record)));
  }
  EXPECT_EQ(loop.list(*journal, {}).size(), 4U);
}

TEST_P(Journals, ReadsAndShowsBesideTheLoop) {
  EXPECT_TRUE(loop.keep(*journal, record_of(1, JobState::accepted)));
  std::thread::id shown_on;
  std::promise<std::thread::id> found_on;
  journal->list(
      {},
      [&](const JobRecord&) {
        shown_on = std::this_thread::get_id();
        return std::string("shown");
      },
      [&](const JobList&) { found_on.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(found_on.get_future().get(), shown_on);
  EXPECT_NE(shown_on, std::this_thread::get_id());
}

TEST_P(Journals, SaysWhetherThereAreMore) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    journal->write(record_of(id, id == 2 ? JobState::accepted : JobState::published), {});
  }
  const auto cut = [&](const char* state, std::size_t limit) {
    return loop.cut(*journal, {.state = state, .ip = "", .limit = limit});
  };
  EXPECT_TRUE(cut("", 2));
  EXPECT_FALSE(cut("", 3));
  EXPECT_TRUE(cut("done", 1));
  EXPECT_FALSE(cut("done", 2));
  EXPECT_FALSE(cut("open", 1));
  EXPECT_TRUE(loop.cut(*journal, {.state = "", .ip = "", .limit = 100, .bytes = 1}));
}

TEST_P(Journals, IsInNoTroubleWhenItIsNew) { EXPECT_EQ(journal->trouble(), ""); }

TEST_P(Journals, HasNoOpenJobsWhenItIsNew) { EXPECT_TRUE(loop.open_jobs(*journal).empty()); }

class MemoryKeeps : public testing::Test {
 protected:
  Ids left(MemoryJournal::Keep keep, std::size_t result) {
    MemoryJournal journal(keep, loop.poster());
    journal.write(record_of(1, JobState::accepted), {});
    for (std::uint64_t id = 2; id <= 5; ++id) {
      JobRecord record = record_of(id, JobState::published);
      record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(result, 'x')};
      journal.write(record, {});
      if (id == 2) journal.write(record_of(id, JobState::settled), {});  // its result came after all
      if (id == 2) journal.write(std::move(record), {});
    }
    return ids(loop.list(journal, {}));
  }

  Loop loop;
};

TEST_F(MemoryKeeps, SoManyThatAreOverAndAllThatAreOpen) {
  EXPECT_EQ(left({.count = 2, .bytes = SIZE_MAX}, 10), (Ids{5, 4, 1}));
  EXPECT_EQ(left({.count = 0, .bytes = SIZE_MAX}, 10), Ids{1});
}

TEST_F(MemoryKeeps, SoManyBytesOfWhatIsOver) {
  EXPECT_EQ(left({.count = 100, .bytes = 25'000}, 10'000), (Ids{5, 4, 1}));
  EXPECT_EQ(left({.count = 100, .bytes = 5'000}, 10'000), Ids{1});
  EXPECT_EQ(left({.count = 100, .bytes = 1 << 20}, 10'000), (Ids{5, 4, 3, 2, 1}));
}

}  // namespace
}  // namespace elves::journal::test
