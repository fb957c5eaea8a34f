#include "audit/audit_log.h"

#include <utility>

#include "base/log.h"

namespace elves::audit {
namespace {

class NoAudit final : public AuditTrail {
 public:
  void asked(const JobPtr&) override {}
  void ended(const JobPtr&, const Outcome&) override {}
};

LineWriterOptions how(const AuditOptions& options, MetricsSink& metrics) {
  return {.setting = "audit.file",
          .file = options.file,
          .max_lines = options.max_waiting,
          .max_bytes = options.max_bytes,
          .lost_line = [](std::uint64_t lines) { return lost_line(std::chrono::system_clock::now(), lines); },
          .on_lost = [&metrics] { metrics.count(Event::audit_lost); },
          .on_trouble =
              [file = options.file](const std::string& why) {
                if (why.empty()) return log::info("audit.file {} is written again", file);
                log::error("audit.file {} cannot be written: {}", file, why);
              }};
}

}  // namespace

std::unique_ptr<AuditTrail> open_audit(AuditOptions options, MetricsSink& metrics) {
  if (options.file.empty()) return std::make_unique<NoAudit>();
  return std::make_unique<AuditLog>(options, metrics);
}

AuditLog::AuditLog(const AuditOptions& options, MetricsSink& metrics)
    : whole_param_(options.whole_param), writer_(how(options, metrics)) {}

void AuditLog::asked(const JobPtr& job) { take({std::chrono::system_clock::now(), job, {}}); }

void AuditLog::ended(const JobPtr& job, const Outcome& outcome) {
  take({std::chrono::system_clock::now(), job, End(outcome)});
}

void AuditLog::take(Entry entry) {
  const auto weight = weight_of(entry);
  writer_.push(weight, [entry = std::move(entry), whole = whole_param_] { return line_of(entry, whole); });
}

}  // namespace elves::audit
