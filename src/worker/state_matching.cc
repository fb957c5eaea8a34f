// Which execution an instruction is that was taken before: docs/adr/0008.
#include "worker/state_store.h"

namespace elves::worker {
namespace {

constexpr std::int64_t kCronRepeats = 60'000;  // ms for which a reported cron is taken for its repetition
// ms for which a sending that does not call itself a repetition may have been overtaken by one: the scheduler
// that sends it has not noticed yet that its request went to another one.
constexpr std::int64_t kOvertaken = 5'000;

}  // namespace

std::optional<Known> StateStore::find(const Instruction& instruction, WallTime now) {
  row_.ins = instruction;
  const bool queue = instruction.type == "queue";
  if (!instruction.exec_id.empty()) {
    if (const auto known = first(by_exec_id_)) return known;
  }
  if (!instruction.request.empty() && (queue || instruction.type == "cron")) {
    const bool again = instruction.may_be_repeat;
    row_.time = queue || !again ? -1 : ms_of(now) - kCronRepeats;
    row_.repeated = again ? 0 : kBornRepeated;
    row_.after = again ? -1 : ms_of(now) - kOvertaken;
    if (const auto known = first(by_request_)) return known;
  }
  if (queue && !instruction.id.empty()) return first(by_id_);
  return std::nullopt;
}

// To its end, so that no read lock stays.
std::optional<Known> StateStore::first(soci::statement& query) {
  std::optional<Known> known;
  query.execute();
  while (query.fetch()) known = Known{.number = row_.number, .reported = row_.state == 3};
  return known;
}

}  // namespace elves::worker
