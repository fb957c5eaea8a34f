// SqliteJournal when its file cannot be written: noticing it, and getting over it.
#include <chrono>
#include <utility>

#include "base/log.h"
#include "journal/database.h"
#include "journal/renewal.h"
#include "journal/sqlite_journal.h"
#include "journal/store.h"

namespace elves {

using journal::Store;

Result<void> SqliteJournal::attempt(const std::function<void(Store&)>& action) {
  try {
    if (lost_) throw journal::FileLost(trouble());
    action(store());
    return {};
  } catch (const std::exception& fault) {
    failed(fault);
    return Error{ErrorCode::overloaded, "the journal cannot be written: " + journal::reason(fault)};
  }
}

// The first reason stays until it is over: a full disk is also one that cannot be opened.
void SqliteJournal::failed(const std::exception& fault) {
  store_.reset();
  held_.take(over_, std::chrono::steady_clock::now());
  const bool is_loss = journal::is_damage(fault) || dynamic_cast<const journal::FileLost*>(&fault) != nullptr;
  if (!behind_ || (is_loss && !lost_)) set_trouble(journal::reason(fault));
  if (!behind_) next_try_ = std::chrono::steady_clock::now() + options_.retry;
  lost_ = lost_ || is_loss;
  behind_ = true;
}

// Unless it was another file that was read.
void SqliteJournal::examine(const journal::Reader::Damage& damage) {
  if (!lost_ && damage.file == journal::Reader::file_at(options_.path)) failed(journal::Damage(damage.what));
}

// The connection, after a look whether it still writes to the files that others see.
Store& SqliteJournal::store() {
  files_.check();
  if (store_) {
    files_.check_logs();
  } else {
    store_ = std::make_unique<Store>(options_.path, moments_);
    store_->probe();
    files_.renew_logs();
  }
  return *store_;
}

// Every `retry`: whether the files are still there, and whether trouble is over.
void SqliteJournal::try_again() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_try_) return;
  next_try_ = now + options_.retry;
  if (!behind_) {
    attempt([](Store&) {});
  } else if (lost_ || attempt([](Store& store) { store.probe(); })) {
    ask_for_open_jobs();
  }
}

// They are the loop's to tell. Before it has taken over what was left it does not know them all.
void SqliteJournal::ask_for_open_jobs() {
  if (!options_.open_now) {
    if (!lost_) catch_up({});
    return;
  }
  if (asked_ || left_) return;
  asked_ = true;
  post_([this] { mailbox_.push(CatchUp{options_.open_now()}); });
}

void SqliteJournal::catch_up(const std::vector<JobRecord>& open) {
  asked_ = false;
  if (lost_) {
    try {
      replace_file(open);
    } catch (const std::exception& fault) {
      return failed(fault);
    }
  } else if (!attempt([&](Store& store) { store.write(open); })) {
    return;
  }
  for (const JobRecord& record : open) {
    const LogId id = record.job->log_id;
    gone_.erase(id);
    held_.drop(id);
    over_.drop(id);
  }
  behind_ = false;
  set_trouble("");
}

void SqliteJournal::replace_file(const std::vector<JobRecord>& open) {
  store_.reset();
  const std::string aside = journal::renew(options_.path, instance_, open);
  lost_ = false;
  gone_.clear();
  store_ = std::make_unique<Store>(options_.path, moments_);
  store_->probe();
  files_.begin();
  log::error("the journal {} was lost ({}): a new one has the {} open jobs{}{}", options_.path, trouble(),
             open.size(), aside.empty() ? "" : "; what was there is now ", aside);
}

void SqliteJournal::set_trouble(const std::string& now) {
  if (!trouble_.set(now)) return;
  if (now.empty()) {
    log::info("the journal {} is written again", options_.path);
  } else {
    log::error("the journal {} cannot be written: {}", options_.path, now);
  }
}

}  // namespace elves
