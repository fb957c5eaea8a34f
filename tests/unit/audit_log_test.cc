#include "audit/audit_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

#include "unit/dispatch_fakes.h"

namespace elves::audit {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using elves::testing::FakeMetrics;

JobPtr job() {
  Job made;
  made.log_id = LogId(0xABC);
  made.type = JobType::queue;
  made.from = "queue";
  made.id = "task-1";
  made.agent_ip = "10.0.0.5";
  made.app = "apptest";
  made.func = "hello";
  made.param = "secret=\"1\"";
  made.timeout = Seconds(30);
  made.reply = ReplyRoute{true, "amq.gen-1", "c"};
  return std::make_shared<const Job>(made);
}

Outcome done(std::int32_t flag) {
  Outcome outcome;
  outcome.worker = WorkerAnswer{flag, 3, "x"};
  return outcome;
}

json::object parsed(const Entry& entry, bool whole_param = false) {
  return json::parse(line_of(entry, whole_param)).as_object();
}

class AuditFile : public ::testing::Test {
 protected:
  AuditFile() : folder_(fs::temp_directory_path() / ("audit_" + std::to_string(::getpid()) + name())) {
    fs::create_directories(folder_);
  }

 public:
  ~AuditFile() override { fs::remove_all(folder_); }

 protected:
  static std::string name() { return ::testing::UnitTest::GetInstance()->current_test_info()->name(); }
  std::string path(const char* file = "audit.log") const { return folder_ / file; }
  // Those that are whole: another may be on its way.
  static std::vector<json::object> lines(const std::string& file) {
    std::ifstream in(file);
    std::vector<json::object> all;
    for (std::string line; std::getline(in, line) && !in.eof();) all.push_back(json::parse(line).as_object());
    return all;
  }
  static void until(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  const fs::path folder_;
  FakeMetrics metrics_;
};

TEST(AuditEntry, SaysWhoAskedWhatOfWhichMachineWhen) {
  const auto line = parsed({WallTime(std::chrono::milliseconds(1700000000123)), job(), {}});
  EXPECT_EQ(line.at("time").as_string(), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(line.at("event").as_string(), "asked");
  EXPECT_EQ(line.at("log_id").as_string(), "0000000000000ABC");
  EXPECT_EQ(line.at("from").as_string(), "queue");
  EXPECT_EQ(line.at("reply_to").as_string(), "amq.gen-1");
  EXPECT_EQ(line.at("type").as_string(), "queue");
  EXPECT_EQ(line.at("id").as_string(), "task-1");
  EXPECT_EQ(line.at("ip").as_string(), "10.0.0.5");
  EXPECT_EQ(line.at("app").as_string(), "apptest");
  EXPECT_EQ(line.at("func").as_string(), "hello");
  EXPECT_EQ(line.at("timeout").as_int64(), 30);
  EXPECT_FALSE(line.contains("caller"));
  EXPECT_FALSE(line.contains("outcome"));
}

TEST(AuditEntry, HoldsTheParamOnlyWhenAskedTo) {
  const auto hashed = parsed({WallTime{}, job(), {}});
  EXPECT_FALSE(hashed.contains("param"));
  // printf 'secret="1"' | sha256sum
  EXPECT_EQ(hashed.at("param_sha256").as_string(),
            "79177d2ec445d74fd029d0f6d6d13c860c3fc9aeeb2e0c2794898282a368d622");
  EXPECT_EQ(parsed({WallTime{}, job(), {}}, true).at("param").as_string(), "secret=\"1\"");
}

TEST(AuditEntry, TellsTheOutcome) {
  const auto good = parsed({WallTime{}, job(), End(done(1))});
  EXPECT_EQ(good.at("event").as_string(), "ended");
  EXPECT_EQ(good.at("outcome").as_string(), "succeeded");
  EXPECT_EQ(good.at("error").as_string(), "");
  EXPECT_FALSE(good.contains("param_sha256"));
  EXPECT_EQ(parsed({WallTime{}, job(), End(done(0))}).at("outcome").as_string(), "failed");

  Outcome refused;
  refused.rejected = true;
  refused.error = Error{ErrorCode::illegal_ip, "10.0.0.5 is outside agent.allow"};
  const auto line = parsed({WallTime{}, job(), End(refused)});
  EXPECT_EQ(line.at("event").as_string(), "refused");
  EXPECT_EQ(line.at("outcome").as_string(), "refused");
  EXPECT_EQ(line.at("error").as_string(),
            "[403.1]Request Params (ip) Illegal: 10.0.0.5 is outside agent.allow");
  EXPECT_TRUE(line.contains("param_sha256"));
}

TEST_F(AuditFile, HasEveryLineWhenTheLogEnds) {
  {
    AuditLog log({path(), false, 10'000}, metrics_);
    for (int i = 0; i < 5000; ++i) log.asked(job());
  }
  EXPECT_EQ(lines(path()).size(), 5000U);
  EXPECT_EQ(metrics_[Event::audit_lost], 0);
}

TEST_F(AuditFile, IsAppendedTo) {
  {
    AuditLog({path(), false, 10}, metrics_).asked(job());
  }
  {
    AuditLog({path(), false, 10}, metrics_).asked(job());
  }
  EXPECT_EQ(lines(path()).size(), 2U);
}

TEST_F(AuditFile, IsNotForEverybody) {
  AuditLog log({path(), false, 10}, metrics_);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & S_IRWXO, 0U);
}

TEST_F(AuditFile, IsMadeAnewAfterARename) {
  AuditLog log({path(), false, 10}, metrics_);
  log.asked(job());
  until([&] { return lines(path()).size() == 1; });
  fs::rename(path(), path("audit.log.1"));
  log.asked(job());
  until([&] { return fs::exists(path()) && lines(path()).size() == 1; });
  EXPECT_EQ(lines(path("audit.log.1")).size(), 1U);
}

TEST_F(AuditFile, ThatCannotBeOpenedIsSaidAtTheStart) {
  EXPECT_THROW(AuditLog({path("no/such/folder"), false, 10}, metrics_), std::runtime_error);
}

TEST_F(AuditFile, TellsWhatWasLostWhileItCouldNotBeWritten) {
  const fs::path home = folder_ / "home";
  fs::create_directory(home);
  const std::string file = home / "audit.log";
  AuditLog log({file, false, 2}, metrics_);
  fs::remove_all(home);
  while (metrics_[Event::audit_lost] < 3) log.asked(job());
  fs::create_directory(home);
  // In one line, or in two when the first was lost before the file was known to be gone.
  std::int64_t lost = 0;
  std::size_t told = 0;
  until([&] {
    lost = 0;
    told = 0;
    for (const auto& line : lines(file)) {
      line.at("event").as_string() == "lost" ? lost += line.at("lines").as_int64() : ++told;
    }
    return lost >= 3 && told >= 2;
  });
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(told, 2U);
}

TEST_F(AuditFile, LosesWhatWouldTakeTooMuchMemory) {
  const fs::path home = folder_ / "home";
  fs::create_directory(home);
  const std::string file = home / "audit.log";
  Job large = *job();
  large.param = std::string(100'000, 'p');
  const auto asked = std::make_shared<const Job>(large);
  AuditLog log({.file = file, .whole_param = true, .max_waiting = 100, .max_bytes = 250'000}, metrics_);
  fs::remove_all(home);
  while (metrics_[Event::audit_lost] == 0) log.asked(asked);
  fs::create_directory(home);
  std::size_t told = 0;
  std::int64_t lost = 0;
  until([&] {
    told = 0;
    lost = 0;
    for (const auto& line : lines(file)) {
      line.at("event").as_string() == "lost" ? lost += line.at("lines").as_int64() : ++told;
    }
    return lost >= 1 && told >= 3;
  });
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(told, 3U) << "the first two and the one that brought it over the limit";
  log.asked(asked);
  until([&] { return lines(file).size() == 5; });
}

TEST_F(AuditFile, IsNotMadeWhenNoneIsAskedFor) {
  const auto none = open_audit({}, metrics_);
  none->asked(job());
  none->ended(job(), done(1));
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace elves::audit
