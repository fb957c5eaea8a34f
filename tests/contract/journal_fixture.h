// For the tests of journals: a loop driven by hand, a folder that goes away, records to write and to compare.
#pragma once

#include <gtest/gtest.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "journal/history_file.h"
#include "journal/readable_journal.h"

namespace elves::journal::test {

using Records = std::vector<JobRecord>;

class Loop {
 public:
  std::function<void(std::function<void()>)> poster() {
    return [this](std::function<void()> action) { boost::asio::post(io_, std::move(action)); };
  }

  // Runs what was posted until `done()`; fails the test when it does not come true in time.
  void until(const std::function<bool()>& done, const char* what) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < give_up) {
      io_.run_one_for(Millis(5));
    }
    EXPECT_TRUE(done()) << what;
  }

  // Writes and waits until it is kept; the error when it could not be.
  Result<void> keep(Journal& journal, JobRecord record) {
    std::optional<Result<void>> kept;
    journal.write(std::move(record), [&](const Result<void>& result) { kept = result; });
    until([&] { return kept.has_value(); }, "kept is called");
    return kept.value_or(Error{ErrorCode::internal, "kept was never called"});
  }

  Records find(ReadableJournal& journal, LogId id) {
    Shown shown;
    std::optional<Result<std::optional<std::string>>> answer;
    journal.find(id, shown.show(), [&](auto found) {
      boost::asio::post(io_, [&answer, found = std::move(found)] { answer = found; });
    });
    until([&] { return answer.has_value(); }, "the journal answers");
    return answer && *answer && **answer ? shown.records({***answer}) : Records{};
  }
  Records list(ReadableJournal& journal, JobFilter filter) {
    Shown shown;
    const JobList list = page(journal, std::move(filter), shown);
    return shown.records(list.shown);
  }
  // Whether there are more than the list has.
  bool cut(ReadableJournal& journal, JobFilter filter) {
    Shown shown;
    return page(journal, std::move(filter), shown).more;
  }
  Records open_jobs(Journal& journal) {
    return wait_for([&](auto found) { journal.open_jobs(std::move(found)); });
  }

 private:
  // Shows a record as its place among those shown, as long as the record weighs.
  class Shown {
   public:
    ReadableJournal::Show show() {
      return [this](const JobRecord& record) {
        std::string place = std::to_string(all_.size());
        all_.push_back(record);
        place.resize(std::max(place.size(), weight_of(record)), ' ');
        return place;
      };
    }
    Records records(const std::vector<std::string>& shown) const {
      Records found;
      for (const std::string& place : shown) found.push_back(all_.at(std::stoul(place)));
      return found;
    }

   private:
    Records all_;
  };

  JobList page(ReadableJournal& journal, JobFilter filter, Shown& shown) {
    std::optional<JobList> answer;
    journal.list(std::move(filter), shown.show(),
                 [&](const JobList& found) { boost::asio::post(io_, [&answer, found] { answer = found; }); });
    until([&] { return answer.has_value(); }, "the journal answers");
    return answer.value_or(JobList{});
  }

  Records wait_for(const std::function<void(std::function<void(Records)>)>& ask) {
    std::optional<Records> records;
    ask([&](Records found) { records = std::move(found); });
    until([&] { return records.has_value(); }, "the journal answers");
    return records.value_or(Records{});
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> waiting_{io_.get_executor()};
};

// A connection to the journal at `path` with its history attached, so that a statement may name the tables of
// both; while no journal has them open.
inline std::unique_ptr<soci::session> session_of_both(const std::string& path) {
  auto sql = std::make_unique<soci::session>(soci::sqlite3, "db=\"" + path + "\"");
  const std::string history = history_path(path);
  *sql << "ATTACH :history AS past", soci::use(history);
  return sql;
}

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "elves-journal-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A cron job as it comes, told apart by its log id.
inline JobRecord record_of(std::uint64_t log_id, JobState state = JobState::received,
                           const std::string& ip = "10.0.0.1") {
  Job job;
  job.log_id = LogId(log_id);
  job.type = JobType::cron;
  job.from = "cron";
  job.id = "nightly";
  job.agent_ip = ip;
  job.timeout = Seconds(90);
  JobRecord record;
  record.job = std::make_shared<const Job>(std::move(job));
  record.state = state;
  return record;
}

// A synchronous job, whose request the broker has.
inline JobRecord history_of(std::uint64_t log_id, JobState state = JobState::received) {
  JobRecord record = record_of(log_id, state);
  Job job = *record.job;
  job.type = JobType::sync;
  record.job = std::make_shared<const Job>(std::move(job));
  return record;
}

// A record that has something in every field, bytes that are no text included.
inline JobRecord full_record(std::uint64_t log_id) {
  const std::string bytes("\0\xff\"\\\n\x80 text", 10);
  Job job{.log_id = LogId(log_id),
          .type = JobType::queue,
          .dialect = Dialect::body,
          .from = "queue" + bytes,
          .caller = "ops@10.0.0.9",
          .mid = "mid" + bytes,
          .id = "id" + bytes,
          .rand_id = "rand" + bytes,
          .agent_ip = "fe80::1",
          .mode = "SAP" + bytes,
          .app = "app" + bytes,
          .func = "func" + bytes,
          .param = "param" + bytes,
          .proxy = "proxy" + bytes,
          .timeout = Seconds(86400),
          .reply = ReplyRoute{.direct = true, .routing_key = "key" + bytes, .correlation_id = "corr" + bytes},
          .announce = false,
          .may_be_repeat = true,
          .fingerprint = 0xFEDCBA9876543210U};
  JobRecord record;
  record.job = std::make_shared<const Job>(std::move(job));
  record.state = JobState::settled;
  record.outcome = {
      .rejected = true,
      .running = true,
      .error = Error{ErrorCode::agent_answer_illegal, "bad" + bytes},
      .agent = {.ok = true, .error = Error{ErrorCode::send_failed, "agent"}, .cost = Millis(12)},
      .worker = WorkerAnswer{.flag = -1, .costtime = 74, .result = "result" + bytes},
      .processor = {.ok = true, .error = Error{ErrorCode::internal, ""}, .cost = Millis(3)},
      .started = WallTime(std::chrono::microseconds(1700000000123456)),
      .ended = WallTime(std::chrono::microseconds(1700000001000001)),
      .called_back = WallTime(std::chrono::microseconds(1700000002000002))};
  return record;
}

inline void expect_same(const Stage& left, const Stage& right) {
  EXPECT_EQ(left.ok, right.ok);
  EXPECT_EQ(left.error, right.error);
  EXPECT_EQ(left.cost, right.cost);
  EXPECT_EQ(left.asked, right.asked);
}

inline void expect_same(const Job& left, const Job& right) {
  EXPECT_EQ(left.log_id, right.log_id);
  EXPECT_EQ(left.type, right.type);
  EXPECT_EQ(left.dialect, right.dialect);
  EXPECT_EQ(left.from, right.from);
  EXPECT_EQ(left.mid, right.mid);
  EXPECT_EQ(left.id, right.id);
  EXPECT_EQ(left.rand_id, right.rand_id);
  EXPECT_EQ(left.agent_ip, right.agent_ip);
  EXPECT_EQ(left.mode, right.mode);
  EXPECT_EQ(left.app, right.app);
  EXPECT_EQ(left.func, right.func);
  EXPECT_EQ(left.param, right.param);
  EXPECT_EQ(left.proxy, right.proxy);
  EXPECT_EQ(left.timeout, right.timeout);
  EXPECT_EQ(left.reply, right.reply);
  EXPECT_EQ(left.announce, right.announce);
  EXPECT_EQ(left.may_be_repeat, right.may_be_repeat);
  EXPECT_EQ(left.caller, right.caller);
  EXPECT_EQ(left.fingerprint, right.fingerprint);
}

inline void expect_same(const JobRecord& left, const JobRecord& right) {
  expect_same(*left.job, *right.job);
  EXPECT_EQ(left.state, right.state);
  EXPECT_EQ(left.outcome.rejected, right.outcome.rejected);
  EXPECT_EQ(left.outcome.running, right.outcome.running);
  EXPECT_EQ(left.outcome.error, right.outcome.error);
  expect_same(left.outcome.agent, right.outcome.agent);
  EXPECT_EQ(left.outcome.worker, right.outcome.worker);
  expect_same(left.outcome.processor, right.outcome.processor);
  EXPECT_EQ(left.outcome.started, right.outcome.started);
  EXPECT_EQ(left.outcome.ended, right.outcome.ended);
  EXPECT_EQ(left.outcome.called_back, right.outcome.called_back);
  EXPECT_EQ(left.outcome.attempts, right.outcome.attempts);
  EXPECT_EQ(left.acknowledged, right.acknowledged);
  EXPECT_EQ(left.unsent, right.unsent);
  EXPECT_EQ(left.texts_left_out, right.texts_left_out);
}

// The log ids, in their order.
inline std::vector<std::uint64_t> ids(const Records& records) {
  std::vector<std::uint64_t> found;
  for (const JobRecord& record : records) found.push_back(record.job->log_id.value());
  return found;
}

}  // namespace elves::journal::test
