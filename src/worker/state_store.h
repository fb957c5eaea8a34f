// The file of the agent's state: one SQLite connection through SOCI, and the SQL.
#pragma once

#include <soci/session.h>
#include <soci/statement.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "worker/execution.h"

namespace elves::worker {

// A known execution that an instruction is the same as.
struct Known {
  Number number = 0;
  bool reported = false;
};

inline std::int64_t ms_of(WallTime time) {
  return std::chrono::duration_cast<Millis>(time.time_since_epoch()).count();
}

// One thread at a time. Everything throws std::exception when the database fails; reason() tells why. What
// changes something belongs into transaction().
//
// An execution is waiting, then started, then ended (its result is here), then reported (its instruction and
// result are forgotten; what it is told by is remembered).
class StateStore {
 public:
  // Opens the file, in WAL mode and synced on every commit, and makes what is missing; reads all that is not
  // reported, so that damage is noticed. Throws std::runtime_error also for a file of something else or of a
  // newer version.
  // `busy`: how long to wait where another process has locked the file.
  StateStore(const std::string& path, Millis busy);

  // All of `action` or, when it throws, nothing.
  void transaction(const std::function<void()>& action);
  // Throws when nothing can be written.
  void probe();

  // The newest execution that `instruction` is the same as (docs/agent.md, "The same instruction again").
  std::optional<Known> find(const Instruction& instruction, WallTime now);

  Number insert(const Instruction& instruction, WallTime now);
  void mark_repeated(Number number);
  void mark_started(Number number);
  void end(Number number, const WorkerAnswer& answer, std::int64_t order);
  // False, and nothing changed: it was repeated, and the scheduler was not told so (`said_repeated`).
  bool report(Number number, bool said_repeated, WallTime now);
  // Ends every started execution with flag -1 and `why`, in the order they were taken.
  void end_started(const std::string& why);

  std::vector<WaitingExecution> waiting();
  // Those that ended after `after`, oldest first: at most `count`, and no further one once they have `bytes`.
  std::vector<UnreportedResult> results(std::int64_t after, std::size_t count, std::size_t bytes);
  // An execution that is not reported, whatever its state; without an end its answer means nothing.
  std::optional<UnreportedResult> read(Number number);

  // Forgets reported executions beyond `remember`, the oldest first, at most `most` of them. Answers how
  // many.
  std::size_t tidy(const Remember& remember, std::size_t most, WallTime now);

  // What waits, as of the last transaction.
  std::size_t unreported() const { return totals_.unreported; }
  // About what the executions that are not reported take up.
  std::uint64_t bytes() const { return totals_.bytes; }
  std::int64_t last_order();
  // 16 hex digits, made with the file.
  const std::string& id() const { return id_; }

 private:
  struct Totals {
    std::size_t unreported = 0;
    std::size_t reported = 0;
    std::uint64_t bytes = 0;
  };
  // What the statements are bound to.
  // In the column `repeated`: 0 sent once, 1 more than once, and this: sent once, as a repetition.
  static constexpr int kBornRepeated = 2;
  struct Row {
    Number number = 0;
    int state = 0;
    int repeated = 0;
    Instruction ins;
    WorkerAnswer answer;
    std::int64_t order = 0;
    std::int64_t time = 0;   // ms since 1970
    std::int64_t after = 0;  // likewise
    std::int64_t bytes = 0;
  };

  void set_up();
  void prepare();
  void count();
  long long number_of(const std::string& query);
  std::optional<Known> first(soci::statement& query);
  void each(const std::string& where, const std::function<bool(Row&)>& visit);
  std::vector<UnreportedResult> select(const std::string& where, std::size_t bytes);

  soci::session sql_;
  std::string id_;
  Totals totals_;
  Row row_;
  soci::statement by_exec_id_, by_request_, by_id_, insert_, repeat_, start_, end_, look_, report_;
};

// Why a StateStore failed, in few words.
std::string reason(const std::exception& fault);
// Whether the disk is full, and the connection still good.
bool is_full(const std::exception& fault);

}  // namespace elves::worker
