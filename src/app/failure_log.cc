#include "app/failure_log.h"

#include <chrono>
#include <string_view>

#include "base/log.h"
#include "dialect/error_text.h"

namespace elves::app {

void FailureLog::ended(const JobPtr& job, const Outcome& outcome) {
  next_->ended(job, outcome);
  if (!outcome.error) return;
  const bool asynchronous = !job->synchronous();
  const std::string_view number = dialect::error_number(outcome.error->code, asynchronous);
  if (!number.starts_with("410") && !number.starts_with("413")) return;
  const auto held = rarely_[outcome.error->code].pass(std::chrono::steady_clock::now());
  if (!held) return;
  log::info("job {} failed: {}; {}.{} on {}, asked for by {}{}", job->log_id.text(),
            dialect::error_text(*outcome.error, asynchronous), job->app, job->func, job->agent_ip, job->from,
            and_more(*held));
}

}  // namespace elves::app
