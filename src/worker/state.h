// What the agent must not forget: executions that were taken, and results that no scheduler has. It is on
// disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/trouble_news.h"
#include "worker/execution.h"
#include "worker/folder_lock.h"
#include "worker/state_store.h"

namespace elves::worker {

struct StateOptions {
  std::filesystem::path folder = "var";            // made; holds elves-agent.db and elves-agent.lock
  std::uint64_t max_bytes = 1024UL * 1024 * 1024;  // what is not reported may take; beyond: nothing is taken
  Remember remember;
  Millis busy{5000};   // how long to wait for somebody who looks into the file
  Millis retry{1000};  // how often a file that cannot be written is tried again
  Millis tidy{5000};   // how often to look for what is to be forgotten
};

// One SQLite file, written by a thread of its own in the order of the calls: all that has queued up goes into
// one synced transaction. No call waits; callbacks come from the loop thread, later, in that order too.
//
// While the file cannot be written: what is new is refused, with "overloaded: ..."; what is known is answered
// as ever; ends, reports and marks wait in memory and are written when it can be written again, which is
// tried every `retry`. results() has the ends that wait, too. The log says when it begins and when it is
// over.
class State {
 public:
  // Runs an action on the loop thread, later. Any thread. What is left when the state is destroyed does
  // nothing.
  using Post = std::function<void(std::function<void()>)>;

  // Executions that were running when the last agent died are ended with flag -1, "agent restarted while the
  // job was running". Throws std::runtime_error with the folder, why, and what to do: it cannot be opened or
  // written, is damaged, is of a newer version, or another process has it open.
  State(StateOptions options, const Clock& clock, Post post);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Writes what has queued up.
  ~State();

  // The rest: loop thread only.

  // What was taken by the last agent and certainly not started. Once.
  std::vector<WaitingExecution> waiting() { return std::exchange(waiting_, {}); }
  // Results that were in the file at the start.
  std::size_t unreported_at_start() const { return unreported_at_start_; }
  // Names this state among all agents of the machine.
  const std::string& name() const { return name_; }

  // Decides on offers, one after the other, so that two alike are taken once: one decision each. What is
  // taken is durable; what is known is from now on marked as repeated.
  void take(std::vector<Offer> offers, std::function<void(std::vector<Decision>)> done);
  // `marked` once it is durable that the worker may have been started. Not before the file can be written.
  void start(Number number, std::function<void()> marked);
  // The execution has its result, found by results() from then on; on_ended() tells.
  void end(Number number, WorkerAnswer answer);
  // A scheduler has the result, with may_be_repeat if `said_repeated`. When it was repeated and that was not
  // said, the result is to be brought once more: on_again().
  void report(Number number, bool said_repeated);
  // Results that ended after `after` (UnreportedResult::order), oldest first, not more than are good to hold.
  void results(std::int64_t after, std::function<void(std::vector<UnreportedResult>)> found);

  void on_ended(std::function<void()> heard) { on_ended_ = std::move(heard); }
  void on_again(std::function<void(UnreportedResult)> heard) { on_again_ = std::move(heard); }

 private:
  struct Take {
    std::vector<Offer> offers;
    std::function<void(std::vector<Decision>)> done;
  };
  struct Start {
    Number number;
    std::function<void()> marked;
  };
  struct End {
    Number number;
    WorkerAnswer answer;
    std::int64_t order;
  };
  struct Report {
    Number number;
    bool said_repeated;
  };
  struct Repeat {
    Number number;
  };
  struct Load {
    std::int64_t after;
    std::function<void(std::vector<UnreportedResult>)> found;
  };
  struct Stop {};
  using Change = std::variant<Take, Start, End, Report, Repeat>;
  using Order = std::variant<Take, Start, End, Report, Load, Stop>;
  using News = std::vector<std::function<void()>>;

  void recover();
  void run();
  void wait() const;
  bool receive();
  bool may_write() const;
  void commit();
  void apply(Take& take, News& news);
  void apply(Start& start, News& news);
  void apply(End& end, News& news);
  void apply(Report& report, News& news);
  void apply(Repeat& repeat, News& news);
  Decision decide(const Offer& offer);
  bool is_full();
  void refuse();
  Decision decide_unwritten(const Offer& offer);
  std::vector<UnreportedResult> load(const Load& load);
  void answer_loads();
  void tidy();
  void tell(News news);
  StateStore& store();
  void failed(const std::exception& fault, const char* what);
  template <class Kind>
  const Kind* pending(Number number) const;

  const StateOptions options_;
  const Clock& clock_;
  const Post post_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<FolderLock> lock_;
  Mailbox<Order> mailbox_;

  // Loop thread only.
  std::vector<WaitingExecution> waiting_;
  std::size_t unreported_at_start_ = 0;
  std::string name_;
  std::function<void()> on_ended_;
  std::function<void(UnreportedResult)> on_again_;

  // The state's thread only.
  std::unique_ptr<StateStore> store_;  // none after a failure, until the next attempt
  std::vector<Change> pending_;        // in their order; not empty between two commits = it cannot be written
  std::vector<Load> loads_;
  std::int64_t last_order_ = 0;
  std::string trouble_;
  TroubleNews news_;  // of it, for the log
  bool full_ = false;
  SteadyTime next_try_;
  SteadyTime next_tidy_;

  std::thread thread_;
};

}  // namespace elves::worker
