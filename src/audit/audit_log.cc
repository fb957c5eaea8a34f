#include "audit/audit_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/log.h"

namespace elves::audit {
namespace {

constexpr int kRetryMs = 1000;

class NoAudit final : public AuditTrail {
 public:
  void asked(const JobPtr&) override {}
  void ended(const JobPtr&, const Outcome&) override {}
};

int open_to_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

}  // namespace

std::unique_ptr<AuditTrail> open_audit(AuditOptions options, MetricsSink& metrics) {
  if (options.file.empty()) return std::make_unique<NoAudit>();
  return std::make_unique<AuditLog>(std::move(options), metrics);
}

AuditLog::AuditLog(AuditOptions options, MetricsSink& metrics)
    : options_(std::move(options)), metrics_(metrics), file_(open_to_append(options_.file)) {
  if (file_ < 0)
    throw std::runtime_error("audit.file " + options_.file + " cannot be opened: " + std::strerror(errno));
  thread_ = std::thread([this] { work(); });
}

AuditLog::~AuditLog() {
  ending_ = true;
  entries_.push({});
  thread_.join();
  if (waiting_ > 0) log::error("audit.file: {} lines could not be written", waiting_.load());
  if (file_ >= 0) ::close(file_);
}

void AuditLog::asked(const JobPtr& job) { take({std::chrono::system_clock::now(), job, {}}); }

void AuditLog::ended(const JobPtr& job, const Outcome& outcome) {
  take({std::chrono::system_clock::now(), job, End(outcome)});
}

void AuditLog::take(Entry entry) {
  if (waiting_.fetch_add(1) < options_.max_waiting && bytes_ < options_.max_bytes) {
    bytes_ += weight_of(entry);
    return entries_.push(std::move(entry));
  }
  --waiting_;
  ++lost_;
  metrics_.count(Event::audit_lost);
}

void AuditLog::work() {
  while (!ending_) {
    pollfd wake{entries_.fd(), POLLIN, 0};
    ::poll(&wake, 1, text_.empty() && lost_ == 0 ? -1 : kRetryMs);
    format();
    flush();
  }
  format();
  flush();
}

void AuditLog::format() {
  entries_.take([this](const Entry& entry) {
    if (!entry.job) return;  // only the wake-up of the end
    const std::string line = line_of(entry, options_.whole_param);
    text_ += line;
    ++lines_;
    line_bytes_ += line.size();
    bytes_ += line.size() - weight_of(entry);  // a difference below zero wraps around and back
  });
  const auto lost = failing_ ? 0 : lost_.exchange(0);
  if (lost > 0) text_ += lost_line(std::chrono::system_clock::now(), lost);
}

void AuditLog::flush() {
  while (!text_.empty()) {
    const ssize_t written = file_ready() ? ::write(file_, text_.data(), text_.size()) : -1;
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (!std::exchange(failing_, true))
        log::error("audit.file {} cannot be written: {}", options_.file, std::strerror(errno));
      return;
    }
    text_.erase(0, static_cast<std::size_t>(written));
  }
  waiting_ -= std::exchange(lines_, 0);
  bytes_ -= std::exchange(line_bytes_, 0);
  if (std::exchange(failing_, false)) log::info("audit.file {} is written again", options_.file);
}

// The file is the one of that name: not renamed, not removed.
bool AuditLog::file_ready() {
  struct stat named{};
  struct stat opened{};
  const bool same = file_ >= 0 && ::stat(options_.file.c_str(), &named) == 0 &&
                    ::fstat(file_, &opened) == 0 && named.st_dev == opened.st_dev &&
                    named.st_ino == opened.st_ino;
  if (same) return true;
  if (file_ >= 0) ::close(file_);
  file_ = open_to_append(options_.file);
  return file_ >= 0;
}

}  // namespace elves::audit
