// The journal whose file is taken away, replaced or damaged while it is open.
#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <fstream>

#include "contract/journal_fixture.h"
#include "journal/sqlite_journal.h"

namespace elves::journal::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using Ids = std::vector<std::uint64_t>;

class LostJournal : public testing::Test {
 protected:
  LostJournal() {
    options.path = dir.file("journal.db");
    options.retry = Millis(1000);  // trouble lasts long enough to be seen
    options.open_now = [this] { return open; };
    reopen();
    loop.open_jobs(*journal);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      open.push_back(record_of(id, JobState::accepted));
      EXPECT_TRUE(loop.keep(*journal, open.back()));
    }
    EXPECT_TRUE(loop.keep(*journal, record_of(9, JobState::published)));
  }

  void reopen() {
    journal.reset();
    journal = std::make_unique<SqliteJournal>(options, loop.poster());
  }
  void until_well() {
    loop.until([&] { return journal->trouble().empty(); }, "the journal is written again");
  }
  void until_in_trouble(const std::string& why) {
    loop.until([&] { return !journal->trouble().empty(); }, "the loss is noticed");
    EXPECT_THAT(journal->trouble(), HasSubstr(why));
  }
  // As many files as were moved aside, -wal and the like not counted.
  std::size_t set_aside() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      const std::string name = entry.path().filename().string();
      if (name.find(".damaged-") != std::string::npos && name.ends_with('Z')) ++count;
    }
    return count;
  }
  void cut_off() { std::filesystem::resize_file(options.path, 4096); }
  // So that the file has more than a page of its own.
  void into_the_file() {
    reopen();
    loop.open_jobs(*journal);
  }

  TempDir dir;
  Loop loop;
  SqliteJournal::Options options;
  std::vector<JobRecord> open;
  std::unique_ptr<SqliteJournal> journal;
};

TEST_F(LostJournal, ARemovedFileIsMadeAgainWithTheOpenJobs) {
  const std::string name = journal->instance();
  std::filesystem::remove(options.path);
  EXPECT_FALSE(loop.keep(*journal, record_of(4, JobState::accepted)));
  until_well();
  EXPECT_TRUE(loop.keep(*journal, record_of(5, JobState::accepted)));
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3, 5}));
  EXPECT_EQ(journal->instance(), name);
}

TEST_F(LostJournal, ARemovedFileIsNoticedWithoutAWrite) {
  std::filesystem::remove(options.path);
  until_in_trouble("its file was removed");
  until_well();
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

TEST_F(LostJournal, AReplacedFileIsMovedAside) {
  std::filesystem::rename(options.path, dir.file("taken.db"));
  std::ofstream(options.path) << "something else";
  until_in_trouble("its file was replaced");
  until_well();
  EXPECT_EQ(set_aside(), 1U);
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

TEST_F(LostJournal, AFileThatWasCutOffIsMovedAside) {
  into_the_file();
  cut_off();
  until_in_trouble("");  // either its size or SQLite tells first
  EXPECT_THAT(journal->trouble(), AnyOf(HasSubstr("its file was cut off"), HasSubstr("malformed")));
  until_well();
  EXPECT_EQ(set_aside(), 1U);
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

TEST_F(LostJournal, DamageThatSqliteFindsCountsAsLoss) {
  // Pages that are not read, and so not held in memory, before somebody asks for this job.
  JobRecord large = record_of(10, JobState::published);
  large.outcome.worker = WorkerAnswer{1, 1, std::string(300000, 'x')};
  EXPECT_TRUE(loop.keep(*journal, large));
  into_the_file();
  {
    std::fstream file(options.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    const std::string garbage(static_cast<std::size_t>(std::filesystem::file_size(options.path)) - 4096,
                              '\x5A');
    file << garbage;
  }
  loop.find(*journal, LogId(10));
  until_in_trouble("malformed");
  until_well();
  EXPECT_EQ(set_aside(), 1U);
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

TEST_F(LostJournal, WithoutItsLogNothingIsForgotten) {
  for (const char* ending : {"-wal", "-shm"}) {
    std::filesystem::remove(options.path + ending);
    until_in_trouble(ending);
    until_well();
  }
  reopen();
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
  EXPECT_EQ(loop.find(*journal, LogId(9)).size(), 1U);
  EXPECT_EQ(set_aside(), 0U);
}

TEST_F(LostJournal, WritesBehindTheCatchingUpAreNotTakenBack) {
  options.open_now = [this] {
    loop.poster()([this] { journal->write(record_of(1, JobState::settled), {}); });
    return open;
  };
  reopen();
  loop.open_jobs(*journal);
  std::filesystem::remove(options.path + "-wal");
  until_in_trouble("-wal");
  until_well();
  EXPECT_EQ(loop.find(*journal, LogId(1)).at(0).state, JobState::settled);
}

TEST_F(LostJournal, NothingIsReplacedWhileThereIsNobodyToTellTheOpenJobs) {
  options.open_now = nullptr;
  reopen();
  std::filesystem::remove(options.path);
  until_in_trouble("its file was removed");
  EXPECT_FALSE(loop.keep(*journal, record_of(4)));
  EXPECT_FALSE(std::filesystem::exists(options.path));
}

// A process that was cut off, and what somebody did to its files before the next one.
class CutOff : public LostJournal {
 protected:
  CutOff() {
    for (const char* ending : {"", "-wal", "-shm", ".lock"}) {
      std::filesystem::copy_file(options.path + ending, dir.file("left.db") + ending);
    }
    journal.reset();
    options.path = dir.file("left.db");
  }
  std::string refusal() {
    try {
      reopen();
      return "";
    } catch (const std::runtime_error& fault) {
      return fault.what();
    }
  }
};

TEST_F(CutOff, LeavesEverything) {
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

TEST_F(CutOff, WithoutItsLogItIsRefused) {
  std::filesystem::remove(options.path + "-wal");
  EXPECT_THAT(refusal(), HasSubstr("left.db-wal is gone, and the scheduler before was cut off"));
  std::filesystem::remove(options.path + ".lock");
  EXPECT_EQ(refusal(), "");
}

TEST_F(CutOff, WithoutItsFileItIsRefused) {
  std::filesystem::remove(options.path);
  EXPECT_THAT(refusal(), HasSubstr("left.db is gone, and the scheduler before was cut off"));
}

TEST_F(CutOff, AnEndInOrderNeedsNoLog) {
  EXPECT_EQ(refusal(), "");
  journal.reset();
  EXPECT_FALSE(std::filesystem::exists(options.path + "-wal"));
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(ids(loop.open_jobs(*journal)), (Ids{1, 2, 3}));
}

}  // namespace
}  // namespace elves::journal::test
