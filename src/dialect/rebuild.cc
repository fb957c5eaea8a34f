#include <algorithm>
#include <string>

#include "dialect/envelope.h"
#include "dialect/fields.h"

namespace elves::dialect {
namespace {

// The reverse of Job::wire_id(): a rand_id has no colon, so it stands behind the last one.
void split_wire_id(const std::string& wire_id, Job& job) {
  const auto colon = job.dialect == Dialect::flat ? wire_id.rfind(':') : std::string::npos;
  job.id = wire_id.substr(0, colon);
  if (colon != std::string::npos) job.rand_id = wire_id.substr(colon + 1);
}

}  // namespace

Result<Job> rebuild_job(const AgentResult& result) {
  const auto type = parse_job_type(result.type);
  if (!type || *type == JobType::sync)
    return Error{ErrorCode::illegal_type, "type is neither cron nor queue"};
  Job job;
  job.type = *type;
  job.dialect = is_mode(result.mode, Dialect::body) ? Dialect::body : Dialect::flat;
  split_wire_id(result.id, job);
  if (is_blank(job.id)) return Error{ErrorCode::illegal_id, "the result has no id"};
  job.log_id = LogId::parse(result.exec_id).value_or(LogId());
  job.from = wire_name(*type);
  job.agent_ip = result.ip;
  job.mode = result.mode;
  job.app = result.app;
  job.func = result.func;
  job.param = result.param;
  job.proxy = result.proxy;
  job.timeout = Seconds(std::max(result.timeout, 0));
  job.may_be_repeat = result.may_be_repeat;
  job.fingerprint = LogId::parse(result.request).value_or(LogId()).value();
  // Only the job API names a job after its log id; it announces no results.
  job.announce = result.id != result.exec_id;
  return job;
}

}  // namespace elves::dialect
