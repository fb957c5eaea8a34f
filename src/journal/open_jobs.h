// The jobs that are not over, one row each.
#pragma once

#include <soci/blob.h>
#include <soci/session.h>
#include <soci/statement.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/appender.h"
#include "journal/rows.h"

namespace elves::journal {

// The table `job` of one connection, which nobody else writes. Throws as Store does. A record that cannot be
// decoded is left out, with a line in the log.
class OpenJobs {
 public:
  explicit OpenJobs(soci::session& sql);

  // Replaces what is there of the same log id, which keeps its time; `created` is for one that is new.
  void put(const JobRecord& record, long long created);
  // `state`: its number in the column; `bytes`: as encode_record() wrote them.
  void put(LogId id, long long created, int state, const std::string& agent_ip, std::string_view bytes);
  // Removes it; answers when it was created, if it was there.
  std::optional<long long> remove(LogId id);

  bool holds(LogId id) const { return created_.contains(id); }
  // The greatest `created` of all; 0 = none.
  long long newest();

  // Oldest first.
  std::vector<DatedRecord> all();
  std::vector<DatedRecord> find(LogId id);
  // Newest first. As JobFilter says; a state that is not of open jobs has none.
  std::vector<DatedRecord> list(const JobFilter& filter);

 private:
  struct Row {
    explicit Row(soci::session& sql) : record(sql) {}
    long long created = 0;
    std::string log_id;
    int state = 0;
    std::string agent_ip;
    soci::blob record;
  };

  std::vector<DatedRecord> select(const std::string& rest, const std::string& argument, std::size_t bytes);

  soci::session& sql_;
  Row row_;  // what the statements are bound to
  soci::statement insert_;
  soci::statement update_;
  soci::statement remove_;
  Appender bytes_;
  std::unordered_map<LogId, long long> created_;
};

}  // namespace elves::journal
