// The jobs that the history does not have yet, one row each: those that are open, and those that are over and
// on their way to it.
#pragma once

#include <soci/blob.h>
#include <soci/session.h>
#include <soci/statement.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "journal/rows.h"

namespace elves::journal {

// The table `job` of one connection, which nobody else writes. Throws as Store does. A record that cannot be
// decoded is left out, with a line in the log.
class CurrentJobs {
 public:
  explicit CurrentJobs(soci::session& sql);

  // Replaces what is there of the same log id, which keeps its time; `created` is for one that is new, or the
  // next that is free.
  void put(const Entry& entry, long long created);
  // `state`: its number in the column; `bytes`: as encode_record() wrote them.
  void put(LogId id, long long created, int state, const std::string& agent_ip, std::string_view bytes);

  bool holds(LogId id) const { return created_.contains(id); }
  // When the job was first written; nullopt: it is not here.
  std::optional<long long> created(LogId id) const;
  // The greatest `created` of all; 0 = none.
  long long newest();

  // How many are over.
  std::size_t over() const { return over_.size(); }
  // The oldest of those, up to `count`.
  std::vector<LogId> oldest_over(std::size_t count) const;
  // The same with all that is written of them, some `bytes` of them.
  std::vector<DatedEntry> read_oldest_over(std::size_t count, std::size_t bytes);
  void remove(LogId id);

  // Oldest first, without those that are over.
  std::vector<JobRecord> open();

 private:
  struct Row {
    explicit Row(soci::session& sql) : record(sql) {}
    long long created = 0;
    std::string log_id;
    int state = 0;
    std::string agent_ip;
    soci::blob record;
  };

  void note(LogId id, long long created, int state);
  DatedEntry read(LogId id, long long created);

  soci::session& sql_;
  Row row_;  // what the statements are bound to
  soci::statement insert_;
  soci::statement update_;
  soci::statement read_;
  soci::statement remove_;
  std::unordered_map<LogId, long long> created_;
  std::unordered_set<long long> taken_;  // all of these
  std::map<long long, LogId> over_;      // by `created`
};

// The record that a row holds; an error, with a line in the log, when it is damaged.
Result<JobRecord> record_of_row(std::string_view log_id, long long state, std::string_view bytes);

// JobFilter::state as a condition of SQL; nothing when no job is in such a state.
std::optional<std::string> condition_of(const std::string& state);

}  // namespace elves::journal
