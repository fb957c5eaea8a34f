// The audit log: a file of JSON lines, written by a thread of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "audit/entry.h"
#include "base/event.h"
#include "base/mailbox.h"

namespace elves::audit {

struct AuditOptions {
  std::string file;  // "" = nothing is kept
  bool whole_param = false;
  // Not yet written; further ones are lost.
  std::size_t max_waiting = 100'000;               // lines
  std::size_t max_bytes = std::size_t{256} << 20;  // of memory, about
};

// Never in the way of a job: what cannot be written waits, up to the limit, and is tried again every second;
// what was lost is counted, and told by a line of its own once the file can be written again. A file that was
// renamed or removed (logrotate) is made anew, readable by owner and group.
class AuditLog final : public AuditTrail {
 public:
  // Throws std::runtime_error saying why the file cannot be opened.
  AuditLog(AuditOptions options, MetricsSink& metrics);
  // Writes what waits; what cannot be written now is lost, with an error in the log.
  ~AuditLog() override;

  // Any thread.
  void asked(const JobPtr& job) override;
  void ended(const JobPtr& job, const Outcome& outcome) override;

 private:
  void take(Entry entry);
  void work();
  void format();
  void flush();
  bool file_ready();

  const AuditOptions options_;
  MetricsSink& metrics_;
  int file_ = -1;
  Mailbox<Entry> entries_;
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> bytes_ = 0;   // of those that wait
  std::atomic<std::uint64_t> lost_ = 0;  // since the last line that tells
  std::atomic<bool> ending_ = false;
  std::string text_;            // to be written; whole lines but for the first
  std::size_t lines_ = 0;       // in it, of those that wait
  std::size_t line_bytes_ = 0;  // of these
  bool failing_ = false;
  std::thread thread_;
};

// An AuditLog, or one that keeps nothing when there is no file.
std::unique_ptr<AuditTrail> open_audit(AuditOptions options, MetricsSink& metrics);

}  // namespace elves::audit
