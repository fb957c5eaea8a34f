#include "journal/backlog.h"

#include <memory>
#include <utility>

#include "base/log.h"

namespace elves::journal {
namespace {

bool has_texts(const JobRecord& record) {
  return !record.job->param.empty() || (record.outcome.worker && !record.outcome.worker->result.empty());
}

void leave_out_texts(JobRecord& record) {
  Job job = *record.job;
  job.param = {};
  record.job = std::make_shared<const Job>(std::move(job));
  if (record.outcome.worker) record.outcome.worker->result = {};
  record.texts_left_out = true;
}

}  // namespace

bool Backlog::admit(JobRecord& record) {
  const std::size_t waiting = waiting_;
  if (waiting >= 2 * most_) {
    if (metrics_ != nullptr) metrics_->count(Event::journal_lost);
    if (const auto held = refused_.pass(std::chrono::steady_clock::now())) {
      log::error("{} MiB of history wait for the journal's disk: job {} is not in the history{}",
                 waiting >> 20, record.job->log_id, and_more(*held));
    }
    return false;
  }
  if (waiting >= most_ && has_texts(record)) {
    leave_out_texts(record);
    if (metrics_ != nullptr) metrics_->count(Event::journal_shortened);
    if (const auto held = shortened_.pass(std::chrono::steady_clock::now())) {
      log::warn("{} MiB of history wait for the journal's disk: job {} is there without param and result{}",
                waiting >> 20, record.job->log_id, and_more(*held));
    }
  }
  return true;
}

void Backlog::took(std::size_t taken, std::size_t held) {
  // In one step, so that admit() sees nothing twice; a difference below zero wraps around and back.
  waiting_ += held - std::exchange(held_, held) - taken;
}

}  // namespace elves::journal
