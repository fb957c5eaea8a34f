// The journal on disk: what was kept is there after a crash of this process or its machine.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "journal/held_records.h"
#include "journal/keep.h"
#include "journal/lock_file.h"

namespace elves {

namespace journal {
class Store;
}

// One SQLite file, written by a thread of its own: all that has queued up goes into one transaction, of
// several writes of one log id only the last. A query sees every write before it.
//
// When the file cannot be written, `kept` gets the error overloaded, records without `kept` stay in memory to
// be written later, and trouble() says why. It tries again with every write and every `retry`, on a new
// connection, and needs no restart. A query that cannot be answered finds nothing, with a line in the log.
class SqliteJournal final : public Journal {
 public:
  struct Options {
    std::string path = "var/journal.db";  // its folder is made; path + ".lock" beside it
    journal::Keep keep{};
    std::size_t max_unwritten = 100'000;  // records held in memory; beyond that the oldest are dropped
    Millis retry{1000};
    Millis tidy{5000};  // how often to look for what is to be removed
  };
  // Runs an action on the loop thread, later. Any thread; for as long as the journal lives.
  using Post = std::function<void(std::function<void()>)>;

  // Throws std::runtime_error with the path and why: it cannot be opened, read or written, is no journal, is
  // of a newer version, or another process has it open.
  SqliteJournal(Options options, Post post);
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;
  // Writes what has queued up.
  ~SqliteJournal() override;

  bool durable() const override { return true; }
  std::string instance() const override { return instance_; }
  std::string trouble() const override;
  void write(JobRecord record, Kept kept) override;
  void open_jobs(std::function<void(std::vector<JobRecord>)> found) override;
  void find(LogId id, std::function<void(std::vector<JobRecord>)> found) override;
  void list(JobFilter filter, std::function<void(std::vector<JobRecord>)> found) override;

 private:
  struct Write {
    JobRecord record;
    Kept kept;
  };
  struct Query {
    std::function<std::vector<JobRecord>(journal::Store&)> ask;
    std::function<void(std::vector<JobRecord>)> found;
  };
  struct Stop {};

  void run();
  void wait() const;
  void commit(std::vector<Write> writes);
  void hold(std::vector<Write> writes);
  void try_again();
  void write_held();
  void answer(Query query);
  void tidy();
  Result<void> attempt(const std::function<void(journal::Store&)>& action);
  journal::Store& store();
  void set_trouble(const std::string& now);

  const Options options_;
  const Post post_;
  std::unique_ptr<journal::LockFile> lock_;
  std::string instance_;
  Mailbox<std::variant<Write, Query, Stop>> mailbox_;

  // The journal's thread only.
  std::unique_ptr<journal::Store> store_;  // none after a failure, until the next attempt
  journal::HeldRecords held_;
  SteadyTime next_try_;
  SteadyTime next_tidy_;

  mutable std::mutex mutex_;
  std::string trouble_;  // under mutex_

  std::thread thread_;
};

}  // namespace elves
