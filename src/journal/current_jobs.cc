#include "journal/current_jobs.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/log.h"
#include "journal/blob.h"
#include "journal/record_codec.h"

namespace elves::journal {

namespace {

// The number of a state in job.state is its place.
constexpr std::array states{JobState::received, JobState::accepted, JobState::settled, JobState::published};
constexpr int number_of_over = 3;

int number_of(JobState state) { return static_cast<int>(std::ranges::find(states, state) - states.begin()); }

}  // namespace

Result<JobRecord> record_of_row(std::string_view log_id, long long state, std::string_view bytes) {
  const auto decoded = [&]() -> Result<JobRecord> {
    if (state < 0 || state >= static_cast<long long>(states.size()))
      return Error{ErrorCode::internal, "unknown state"};
    auto record = decode_record(bytes, states[static_cast<std::size_t>(state)]);
    if (record && record->job->log_id.text() != log_id) return Error{ErrorCode::internal, "another job's"};
    return record;
  };
  auto record = decoded();
  if (!record) log::error("the journal's entry of job {} is damaged: {}", log_id, record.error().detail);
  return record;
}

std::optional<std::string> condition_of(const std::string& state) {
  if (state.empty()) return "1 = 1";
  if (state == "open") return fmt::format("state < {}", number_of_over);
  if (state == "done") return fmt::format("state = {}", number_of_over);
  const auto known = std::ranges::find(states, state, state_name);
  if (known == states.end()) return std::nullopt;
  return fmt::format("state = {}", number_of(*known));
}

CurrentJobs::CurrentJobs(soci::session& sql)
    : sql_(sql),
      row_(sql),
      insert_((sql.prepare << "INSERT INTO job (created, log_id, state, agent_ip, record) "
                              "VALUES (:created, :log_id, :state, :agent_ip, :record)",
               soci::use(row_.created), soci::use(row_.log_id), soci::use(row_.state),
               soci::use(row_.agent_ip), soci::use(row_.record))),
      update_((sql.prepare << "UPDATE job SET state = :state, record = :record WHERE created = :created",
               soci::use(row_.state), soci::use(row_.record), soci::use(row_.created))),
      read_((sql.prepare << "SELECT agent_ip, record FROM job WHERE created = :created",
             soci::use(row_.created), soci::into(row_.agent_ip), soci::into(row_.record))),
      remove_((sql.prepare << "DELETE FROM job WHERE created = :created", soci::use(row_.created))) {
  Row row(sql);
  soci::statement rows = (sql.prepare << "SELECT log_id, created, state FROM job ORDER BY created",
                          soci::into(row.log_id), soci::into(row.created), soci::into(row.state));
  rows.execute();
  while (rows.fetch()) {
    const auto id = LogId::parse(row.log_id);
    if (!id) continue;
    created_.emplace(*id, row.created);
    taken_.insert(row.created);
    note(*id, row.created, row.state);
  }
}

void CurrentJobs::note(LogId id, long long created, int state) {
  if (state == number_of_over) {
    over_.emplace(created, id);
  } else {
    over_.erase(created);
  }
}

void CurrentJobs::put(const Entry& entry, long long created) {
  put(entry.id, created, number_of(entry.state), entry.agent_ip, entry.record);
}

void CurrentJobs::put(LogId id, long long created, int state, const std::string& agent_ip,
                      std::string_view bytes) {
  const auto [known, is_new] = created_.try_emplace(id, created);
  if (is_new) {
    while (!taken_.insert(known->second).second) ++known->second;
  }
  note(id, known->second, state);
  row_.created = known->second;
  row_.state = state;
  assign(row_.record, bytes);
  if (!is_new) return static_cast<void>(update_.execute(true));
  row_.log_id = id.text();
  row_.agent_ip = agent_ip;
  insert_.execute(true);
}

std::optional<long long> CurrentJobs::created(LogId id) const {
  const auto known = created_.find(id);
  return known == created_.end() ? std::nullopt : std::optional(known->second);
}

std::vector<LogId> CurrentJobs::oldest_over(std::size_t count) const {
  std::vector<LogId> ids;
  for (const auto& [created, id] : over_) {
    if (ids.size() >= count) break;
    ids.push_back(id);
  }
  return ids;
}

std::vector<DatedEntry> CurrentJobs::read_oldest_over(std::size_t count, std::size_t bytes) {
  std::vector<DatedEntry> jobs;
  std::size_t weight = 0;
  for (const auto& [created, id] : over_) {
    if (jobs.size() >= count || weight >= bytes) break;
    jobs.push_back(read(id, created));
    weight += weight_of(jobs.back().entry);
  }
  return jobs;
}

DatedEntry CurrentJobs::read(LogId id, long long created) {
  row_.created = created;
  read_.execute(true);
  DatedEntry job{.created = created,
                 .entry = {.id = id,
                           .state = JobState::published,
                           .agent_ip = row_.agent_ip,
                           .record = bytes_of(row_.record)}};
  read_.fetch();  // to its end, so that it holds no lock
  return job;
}

void CurrentJobs::remove(LogId id) {
  const auto known = created_.find(id);
  if (known == created_.end()) return;
  row_.created = known->second;
  remove_.execute(true);
  over_.erase(known->second);
  taken_.erase(known->second);
  created_.erase(known);
}

long long CurrentJobs::newest() {
  long long newest = 0;
  sql_ << "SELECT coalesce(max(created), 0) FROM job", soci::into(newest);
  return newest;
}

std::vector<JobRecord> CurrentJobs::open() {
  std::vector<JobRecord> found;
  Row row(sql_);
  soci::statement rows =
      (sql_.prepare << fmt::format("SELECT log_id, state, record FROM job WHERE state < {} ORDER BY created",
                                   number_of_over),
       soci::into(row.log_id), soci::into(row.state), soci::into(row.record));
  rows.execute();
  while (rows.fetch()) {
    auto record = record_of_row(row.log_id, row.state, bytes_of(row.record));
    if (record) found.push_back(std::move(*record));
  }
  return found;
}

}  // namespace elves::journal
