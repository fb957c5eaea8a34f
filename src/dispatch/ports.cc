#include "dispatch/ports.h"

namespace elves {

const char* state_name(JobState state) {
  switch (state) {
    case JobState::received:
      return "received";
    case JobState::accepted:
      return "accepted";
    case JobState::settled:
      return "settled";
    case JobState::published:
      break;
  }
  return "published";
}

bool JobRecord::only_history() const { return job->synchronous() && !acknowledged; }

std::size_t weight_of(const JobRecord& record) {
  constexpr std::size_t without_text = 512;
  const std::size_t result = record.outcome.worker ? record.outcome.worker->result.size() : 0;
  return without_text + record.job->param.size() + result;
}

}  // namespace elves
