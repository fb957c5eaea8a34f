// Tells of jobs that could not be carried out, one line at info for each kind of error in ten seconds.
#pragma once

#include <map>
#include <memory>

#include "audit/audit_log.h"
#include "base/error.h"
#include "base/rarely.h"

namespace elves::app {

// Stands before the audit log, since that hears of every end. Errors 410 and 413 only: what a caller did
// wrong he is told himself. Loop thread only.
class FailureLog final : public AuditTrail {
 public:
  explicit FailureLog(std::unique_ptr<AuditTrail> next) : next_(std::move(next)) {}

  void asked(const JobPtr& job) override { next_->asked(job); }
  void ended(const JobPtr& job, const Outcome& outcome) override;

 private:
  const std::unique_ptr<AuditTrail> next_;
  std::map<ErrorCode, Rarely> rarely_;
};

}  // namespace elves::app
