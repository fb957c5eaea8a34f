// The file of the jobs that are over. It stops nothing: what goes wrong with it is told, and got over
// (docs/adr/0018-history-in-its-own-file.md).
#pragma once

#include <soci/session.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "journal/file_watch.h"
#include "journal/history.h"
#include "journal/keep.h"
#include "journal/trouble.h"

namespace elves::journal {

// Where it is beside the journal at `path`.
std::string history_path(const std::string& path);

// A SQLite file for this process alone: another program finds it locked. It is opened when it is needed, and
// made when it is not there; in vain, it is tried again after `retry`. One that is damaged is moved aside
// (name_aside) and a new one takes its place. What was written is there after a power failure. Any thread,
// one after the other: who reads does it block by block, so that a write waits for one at most. Nothing
// throws but make().
class HistoryFile {
 public:
  // Takes the moments of the jobs in it.
  HistoryFile(std::string path, Millis retry, Moments& moments);
  HistoryFile(const HistoryFile&) = delete;
  HistoryFile& operator=(const HistoryFile&) = delete;
  ~HistoryFile();

  // An empty one, unless something is there.
  static void make(const std::string& path);

  // Waits so long for another program to let go of it.
  void open(int patience_seconds);

  // What `fill` adds, in one transaction; it may be called twice. False: nothing of it is written.
  bool write(const std::function<void(History&)>& fill);
  // `ask` may be called twice. False, with a line in the log: it cannot be read, and trouble() says why.
  bool read(const std::function<void(History&)>& ask);
  // Removes the oldest beyond the limits, some `tidy_bite` of them. Answers how many.
  std::size_t tidy(const Keep& keep);
  static constexpr std::size_t tidy_bite = 5000;

  // Why it cannot be used; any thread.
  std::string trouble() const { return trouble_.get(); }
  // Whether that is because of the disk: then it is of no use to write the same to another file of it.
  bool disk_failed() const;
  // Whether something is tried now; else not before next_try().
  bool is_ready() const;
  SteadyTime next_try() const;
  // Somebody asks for it: it is tried before that.
  void try_now();

 private:
  struct Connection;

  bool attempt(const std::function<void(Connection&)>& action);
  bool may_try() const;
  Connection& connect();
  bool get_over(const std::exception& fault);
  void give_up(const std::exception& fault);

  const std::string path_;
  const Millis retry_;
  Moments& moments_;
  mutable std::mutex mutex_;  // of what follows
  FileWatch watch_;
  std::unique_ptr<Connection> connection_;
  int patience_seconds_ = 0;
  bool disk_failed_ = false;
  SteadyTime next_try_ = SteadyTime();
  Trouble trouble_;
};

}  // namespace elves::journal
