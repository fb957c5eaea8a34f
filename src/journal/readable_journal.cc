#include "journal/readable_journal.h"

namespace elves {

bool JobFilter::passes(const JobRecord& record) const {
  if (!ip.empty() && ip != record.job->agent_ip) return false;
  if (state.empty()) return true;
  const bool over = record.state == JobState::published;
  return state == state_name(record.state) || (state == "done" && over) || (state == "open" && !over);
}

}  // namespace elves
