#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

#include "base/line_writer.h"
#include "base/trouble_news.h"

namespace elves {
namespace {

namespace fs = std::filesystem;

class LineWriterTest : public ::testing::Test {
 protected:
  LineWriterTest() {
    std::string name = (fs::temp_directory_path() / "elves-lines-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~LineWriterTest() override { fs::remove_all(folder_); }

  LineWriterOptions options(const std::string& file) {
    return {.setting = "log.file",
            .file = file,
            .lost_line = [](std::uint64_t lines) { return "lost " + std::to_string(lines) + "\n"; },
            .on_lost = [this] { ++lost_; },
            .on_trouble =
                [this](const std::string& why) {
                  if (!why.empty()) ++troubles_;
                }};
  }
  std::string path(const char* name = "a.log") const { return folder_ / name; }
  static void say(LineWriter& writer, const std::string& line) {
    writer.push(line.size(), [line] { return line + "\n"; });
  }
  static std::vector<std::string> lines(const std::string& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line) && !in.eof();) all.push_back(line);
    return all;
  }
  static void until(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  fs::path folder_;
  std::atomic<int> lost_ = 0;
  std::atomic<int> troubles_ = 0;
};

TEST_F(LineWriterTest, WritesEveryLineInOrderBeforeItEnds) {
  {
    LineWriter writer(options(path()));
    for (int i = 0; i < 20'000; ++i) say(writer, std::to_string(i));
  }
  const auto all = lines(path());
  ASSERT_EQ(all.size(), 20'000U);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(LineWriterTest, MakesAFileForOwnerAndGroup) {
  const auto before = ::umask(0);
  const LineWriter writer(options(path()));
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(LineWriterTest, FollowsARenameAndARemoval) {
  LineWriter writer(options(path()));
  say(writer, "one");
  until([&] { return lines(path()).size() == 1; });
  fs::rename(path(), path("a.log.1"));
  say(writer, "two");
  until([&] { return lines(path()) == std::vector<std::string>{"two"}; });
  EXPECT_EQ(lines(path("a.log.1")), std::vector<std::string>{"one"});
  fs::remove(path());
  say(writer, "three");
  until([&] { return lines(path()) == std::vector<std::string>{"three"}; });
}

TEST_F(LineWriterTest, KeepsWritingWhatWasRenamedWhereNoOtherCanBeMade) {
  const fs::path home = folder_ / "home";
  fs::create_directory(home);
  LineWriter writer(options(home / "a.log"));
  say(writer, "one");
  until([&] { return lines(home / "a.log").size() == 1; });
  fs::rename(home, folder_ / "moved");
  say(writer, "two");
  until([&] { return lines(folder_ / "moved/a.log").size() == 2; });
}

TEST_F(LineWriterTest, RotatesBySize) {
  auto how = options(path());
  how.rotate_bytes = 100;
  how.rotate_files = 2;
  LineWriter writer(how);
  for (const char name : {'a', 'b', 'c', 'd'}) {
    say(writer, std::string(90, name));
    until([&] { return lines(path()) == std::vector{std::string(90, name)}; });
  }
  EXPECT_EQ(lines(path("a.1.log")), std::vector{std::string(90, 'c')});
  EXPECT_EQ(lines(path("a.2.log")), std::vector{std::string(90, 'b')});
  EXPECT_FALSE(fs::exists(path("a.3.log")));
}

TEST_F(LineWriterTest, AFullDiskLosesLinesCountsThemAndHoldsUpNobody) {
  auto how = options("/dev/full");
  how.max_lines = 10;
  const auto begin = std::chrono::steady_clock::now();
  {
    LineWriter writer(how);
    for (int i = 0; i < 1000; ++i) say(writer, "line");
    until([&] { return troubles_ > 0; });
    EXPECT_EQ(lost_, 990);
    EXPECT_EQ(writer.lost(), 990U);
  }
  EXPECT_EQ(troubles_, 2) << "the full disk, and at the end the lines that are lost with it";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(LineWriterTest, TellsALossWhereItIs) {
  const fs::path home = folder_ / "home";
  fs::create_directory(home);
  auto how = options(home / "a.log");
  how.max_bytes = 10;
  LineWriter writer(how);
  fs::remove_all(home);
  say(writer, "first ten b");
  for (int i = 0; i < 5; ++i) say(writer, "lost");
  fs::create_directory(home);
  const std::vector<std::string> expected{"first ten b", "lost 5"};
  until([&] { return lines(home / "a.log") == expected; });
  say(writer, "again");
  until([&] { return lines(home / "a.log").size() == 3; });
}

TEST_F(LineWriterTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(LineWriter(options(path("no/such/folder"))), std::runtime_error);
}

TEST(TroubleNews, AlternatingTroubleIsToldOnceInAWhileAndItsEndAtOnce) {
  TroubleNews news(Seconds(10));
  const SteadyTime start{};
  EXPECT_FALSE(news.tell(false, start)) << "all was well before";
  EXPECT_TRUE(news.tell(true, start));
  EXPECT_FALSE(news.tell(true, start + Millis(1))) << "that was told already";
  EXPECT_TRUE(news.tell(false, start + Millis(500)));
  for (int ms = 1000; ms < 10'000; ms += 500) EXPECT_FALSE(news.tell(ms % 1000 == 0, start + Millis(ms)));
  EXPECT_TRUE(news.tell(true, start + Seconds(10))) << "it lasts";
  EXPECT_TRUE(news.tell(false, start + Seconds(11)));
}

}  // namespace
}  // namespace elves
