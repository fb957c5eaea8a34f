// The journal on disk: what was kept is there after a crash of this process or its machine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/appender.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "journal/backlog.h"
#include "journal/file_watch.h"
#include "journal/held_entries.h"
#include "journal/history_file.h"
#include "journal/keep.h"
#include "journal/lock_file.h"
#include "journal/readable_journal.h"
#include "journal/reader.h"
#include "journal/rows.h"
#include "journal/trouble.h"

namespace elves {

namespace journal {
class Store;
}

// Two SQLite files, written by a thread of its own. What must not be lost is in the one at `path`: a row for
// each job that is open, and for one that is over until it is in the other. All that has queued up goes into
// one transaction, of several writes of one log id only the last. The other, history_path(), has the jobs
// that are over, and stops nothing. Who asks is answered by other threads (Reader) and sees every write
// before.
//
// What is only history (JobRecord::only_history) and nobody waits for makes no transaction of its own: it is
// gathered for twice `gather` at most, and goes to the history without a row when it is over. That much is
// lost when the process is killed or the machine fails, and of the jobs that ended in it the start may be
// what is left. The end in order loses nothing.
//
// When the file at `path` cannot be written, `kept` gets the error overloaded, records without `kept` stay in
// memory to be written later, and trouble() says why. It tries again with every write but history and every
// `retry`, on a new connection, and needs no restart. When the history cannot be written, jobs that are over
// have rows until it can, and history_trouble() says why.
//
// After a failure nobody knows what of the last commits is on the disk, so that trouble() lasts until all
// open jobs (`open_now`) are written once more. A file that turns out damaged, or that was removed, replaced
// or cut off (looked at before every commit and every `retry`), is moved aside, and a new one gets the open
// jobs.
class SqliteJournal final : public ReadableJournal {
 public:
  struct Options {
    std::string path = "var/journal.db";  // its folder is made; path + ".lock" beside it
    journal::Keep keep{};
    // Bytes of history that may wait in memory; see Backlog for what comes on top.
    std::size_t max_unwritten = std::size_t{128} << 20;
    MetricsSink* metrics = nullptr;  // where what did not fit is counted
    Millis retry{1000};
    Millis tidy{5000};  // how often to look for what is to be removed
    Millis gather{200};
    Seconds patience{5};  // how long a start waits for another program to let go of the history
    // Every job that is open in this process; called on the loop thread, after open_jobs() was answered.
    // Without it nothing is written once more, and a file that is lost stays lost.
    std::function<std::vector<JobRecord>()> open_now{};
  };
  // Runs an action on the loop thread, later. Any thread; for as long as the journal lives.
  using Post = std::function<void(std::function<void()>)>;

  // Throws std::runtime_error with the path, why, and what to do: it cannot be opened, read or written, is no
  // journal, is damaged or of a newer version, has lost what a process that was cut off left, or another
  // process has it open.
  SqliteJournal(Options options, Post post);
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;
  // Writes what has queued up; each of the two files is complete in itself then.
  ~SqliteJournal() override;

  bool durable() const override { return true; }
  std::string instance() const override { return instance_; }
  std::string trouble() const override { return trouble_.get(); }
  std::string history_trouble() const override { return history_.trouble(); }
  void write(JobRecord record, Kept kept) override;
  // As the file had them when it was opened.
  void open_jobs(std::function<void(std::vector<JobRecord>)> found) override;
  void finished(std::size_t count, std::size_t bytes,
                std::function<void(std::vector<JobRecord>)> found) override;
  void find(LogId id, Show show, std::function<void(Result<std::optional<std::string>>)> found) override;
  void list(JobFilter filter, Show show, std::function<void(JobList)> found) override;

 private:
  struct Write {
    journal::Entry entry;
    Kept kept;
  };
  using Found = std::function<void(std::vector<JobRecord>)>;
  // To be answered with the jobs that were open at the start.
  struct Left {
    Found found;
  };
  // To be run once all that was written before can be read.
  struct Look {
    std::function<void()> run;
  };
  struct CatchUp {
    std::vector<JobRecord> open;
  };
  // Who read the file has found it damaged.
  struct Suspicion {
    journal::Reader::Damage damage;
  };
  struct Stop {};
  using Order = std::variant<Write, Left, Look, CatchUp, Suspicion, Stop>;

  void open();
  void run();
  bool take_orders();
  void wait() const;
  void commit(std::vector<Write> writes);
  void hold(journal::Entry entry);
  void try_again();
  void ask_for_open_jobs();
  void catch_up(const std::vector<JobRecord>& open);
  void replace_file(const std::vector<JobRecord>& open);
  bool write_held(SteadyTime before);
  bool write_over(SteadyTime before);
  Result<void> write_rows(const std::vector<const journal::Entry*>& entries);
  bool remove_gone();
  bool write_history(const std::vector<const journal::Entry*>& entries,
                     const std::vector<journal::DatedEntry>& rows);
  void write_all();
  void write_gathered();
  SteadyTime next_gathered() const;
  SteadyTime next_over() const;
  void close();
  void answer(const Found& found);
  void examine(const journal::Reader::Damage& damage);
  void tidy();
  void failed(const std::exception& fault);
  Result<void> attempt(const std::function<void(journal::Store&)>& action);
  journal::Store& store();
  void set_trouble(const std::string& now);
  std::size_t rows_over() const;

  const Options options_;
  const Post post_;
  std::unique_ptr<journal::LockFile> lock_;
  std::string instance_;
  Mailbox<Order> mailbox_;
  journal::Backlog backlog_;

  // The loop's thread only.
  Appender encoding_;
  std::size_t unhurried_ = 0;  // weight of what the journal's thread was not woken for

  // The journal's thread only.
  std::unique_ptr<journal::Store> store_;  // none after a failure, until the next attempt
  journal::FileWatch files_;
  journal::Moments moments_;
  journal::HistoryFile history_;
  std::optional<std::vector<JobRecord>> left_;  // by the process before, until they are asked for
  journal::HeldEntries held_;                   // to be rows
  journal::HeldEntries over_;                   // for the history; empty while behind_
  std::unordered_set<LogId> gone_;              // rows that are to be removed: the history has their jobs
  SteadyTime rows_over_since_ = SteadyTime::max();
  SteadyTime next_look_ = SteadyTime::max();  // into the mailbox, if it does not call
  bool behind_ = false;                       // something failed, and the open jobs were not written since
  bool lost_ = false;                         // the file is not to be written any more
  bool asked_ = false;                        // a CatchUp is to come
  SteadyTime next_try_;
  SteadyTime next_tidy_;

  journal::Trouble trouble_;

  journal::Reader reader_;
  std::thread thread_;
};

}  // namespace elves
