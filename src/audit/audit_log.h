// The audit log: a file of JSON lines, written by a thread of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "audit/entry.h"
#include "base/event.h"
#include "base/line_writer.h"

namespace elves::audit {

struct AuditOptions {
  std::string file;  // "" = nothing is kept
  bool whole_param = false;
  // Not yet written; further ones are lost.
  std::size_t max_waiting = 100'000;               // lines
  std::size_t max_bytes = std::size_t{256} << 20;  // of memory, about
};

// A LineWriter's file of JSON lines: never in the way of a job.
class AuditLog final : public AuditTrail {
 public:
  // Throws std::runtime_error saying why the file cannot be opened. `metrics` must outlive it.
  AuditLog(const AuditOptions& options, MetricsSink& metrics);

  // Any thread.
  void asked(const JobPtr& job) override;
  void ended(const JobPtr& job, const Outcome& outcome) override;

 private:
  void take(Entry entry);

  const bool whole_param_;
  LineWriter writer_;
};

// An AuditLog, or one that keeps nothing when there is no file.
std::unique_ptr<AuditTrail> open_audit(AuditOptions options, MetricsSink& metrics);

}  // namespace elves::audit
