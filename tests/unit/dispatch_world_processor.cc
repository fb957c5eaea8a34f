// The processor's side of the world.
#include <utility>

#include "unit/dispatch_world.h"

namespace elves::testing {

// Its turn comes, or it cannot be reached.
void World::notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) {
  operation(
      "processor turn", kCallback,
      [=, this] {
        leaving([=, this](const Result<void>& word) {
          if (word) return call_processor(job, answer, done);
          later(kCallback, Millis(1), [done, why = word.error()] { done({false, why, Millis(1)}); });
        });
      },
      [=, this](unsigned how) {
        const auto code = how % 2 != 0 ? ErrorCode::app_not_found : ErrorCode::processor_failed;
        later(kCallback, Millis(how % 4 < 2 ? 2 : 10000),
              [=] { done({false, Error{code, "down"}, Millis(3)}); });
      });
}

// Fails: it comes there or not, and there is no answer.
void World::call_processor(const JobPtr& job, const WorkerAnswer& answer, const Done& done) {
  operation(
      "processor call", kCall,
      [=, this] {
        processor_has(job, answer);
        later(kCallback, Millis(2), [done] { done({true, std::nullopt, Millis(3)}); });
      },
      [=, this](unsigned how) {
        if (how % 2 != 0) later(kCall, Millis(1), [=, this] { processor_has(job, answer); });
        later(kCallback, Millis(how % 4 < 2 ? 2 : 10000),
              [done] { done({false, Error{ErrorCode::processor_failed, "closed"}, Millis(3)}); });
      });
}

void World::processor_has(const JobPtr& job, const WorkerAnswer& answer) {
  tell("the processor has it");
  ++processed[answer.result];
  if (job->synchronous()) return;
  const auto record = on_disk.find(job->log_id.value());
  const bool known = record != on_disk.end() && record->second.outcome.processor.asked &&
                     record->second.outcome.worker == answer;
  processed_too_early = processed_too_early || !known;
}

}  // namespace elves::testing
