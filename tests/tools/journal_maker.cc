// Writes a journal through the journal's own code, for tests and measurements:
//   journal_maker fill FILE ACCEPTED OVERDUE SETTLED PUBLISHED   so many jobs of each
//   journal_maker rate FILE JOBS IN_FLIGHT                       four writes each, as asynchronous jobs do
//   them
// Prints what it took.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/log_ids.h"
#include "journal/sqlite_journal.h"

namespace {

using namespace elves;
using Steady = std::chrono::steady_clock;

// Runs what the journal posts, on the thread that asks for it.
class Posts {
 public:
  SqliteJournal::Post poster() {
    return [this](std::function<void()> action) {
      const std::lock_guard lock(mutex_);
      actions_.push_back(std::move(action));
      arrived_.notify_one();
    };
  }
  void run_some() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !actions_.empty(); });
    auto actions = std::exchange(actions_, {});
    lock.unlock();
    for (const auto& action : actions) action();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::function<void()>> actions_;
};

JobRecord record_of(LogId id, std::size_t number, JobState state, Seconds age = Seconds(0)) {
  Job job;
  job.log_id = id;
  job.type = JobType::queue;
  job.dialect = Dialect::body;
  job.from = "queue";
  job.id = fmt::format("task-{:09}", number);
  job.agent_ip = fmt::format("127.0.{}.{}", number / 250 % 40, number % 250 + 2);
  job.mode = "NP";
  job.app = "apptest";
  job.func = "echo";
  job.param = std::string(100, 'p');
  job.timeout = Seconds(600);
  JobRecord record;
  record.state = state;
  record.outcome.agent.ok = state != JobState::received;
  record.outcome.running = state == JobState::accepted;
  record.outcome.started = WallTime(std::chrono::system_clock::now()) - age;
  if (state == JobState::settled || state == JobState::published) {
    record.outcome.ended = record.outcome.called_back = record.outcome.started + Millis(5);
    record.outcome.worker = WorkerAnswer{.flag = 1, .costtime = 5, .result = job.id};
  }
  record.job = std::make_shared<const Job>(std::move(job));
  return record;
}

SqliteJournal::Options options_of(const std::string& path) {
  SqliteJournal::Options options;
  options.path = path;
  options.keep = {std::chrono::hours(24), 100'000'000, 1ULL << 40};
  return options;
}

// What this process has given the system to write.
double megabytes_written() {
  std::ifstream file("/proc/self/io");
  std::string name;
  double value = 0;
  while (file >> name >> value) {
    if (name == "wchar:") return value / 1e6;
  }
  return 0;
}

void say(const char* what, Steady::duration took, std::size_t count) {
  const double seconds = std::chrono::duration<double>(took).count();
  fmt::print("{}: {} in {:.2f} s, {:.0f}/s, {:.0f} MB written\n", what, count, seconds,
             static_cast<double>(count) / seconds, megabytes_written());
}

void fill(const std::string& path, const std::vector<std::size_t>& counts) {
  Posts posts;
  LogIds ids;
  const auto start = Steady::now();
  std::size_t number = 0;
  {
    SqliteJournal journal(options_of(path), posts.poster());
    const auto write = [&](std::size_t count, JobState state, Seconds age) {
      for (std::size_t i = 0; i < count; ++i) {
        const bool wait = i % 10000 == 9999;
        bool kept = !wait;
        journal.write(record_of(ids.next(), number++, state, age),
                      wait ? Journal::Kept([&kept](const Result<void>&) { kept = true; }) : Journal::Kept());
        while (!kept) posts.run_some();
      }
    };
    write(counts[3], JobState::published, Seconds(0));
    write(counts[0], JobState::accepted, Seconds(0));
    write(counts[1], JobState::accepted, Seconds(3600));
    write(counts[2], JobState::settled, Seconds(1));
  }
  say("filled", Steady::now() - start, number);
}

// Each job: received, accepted and settled are waited for, published is not. As many in flight as given.
class Rate {
 public:
  Rate(const std::string& path, std::size_t jobs)
      : path_(path), jobs_(jobs), journal_(options_of(path), posts_.poster()) {}

  void run(std::size_t in_flight) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < in_flight; ++i) begin();
    while (ended_ < jobs_) {
      posts_.run_some();
      largest_ = std::max(largest_, std::filesystem::file_size(path_ + "-wal"));
    }
    say("jobs of four writes", Steady::now() - start, jobs_);
    fmt::print("slowest write {} ms, largest -wal {:.1f} MB\n", slowest_.count(),
               static_cast<double>(largest_) / 1e6);
  }

 private:
  void begin() {
    if (begun_ == jobs_) return;
    ++begun_;
    step(ids_.next(), begun_, JobState::received);
  }
  void step(LogId id, std::size_t number, JobState state) {
    const auto asked = Steady::now();
    journal_.write(record_of(id, number, state), [this, id, number, state, asked](const Result<void>& kept) {
      if (!kept) std::exit(1);
      slowest_ = std::max(slowest_, std::chrono::duration_cast<Millis>(Steady::now() - asked));
      if (state == JobState::received) return step(id, number, JobState::accepted);
      if (state == JobState::accepted) return step(id, number, JobState::settled);
      journal_.write(record_of(id, number, JobState::published), {});
      ++ended_;
      begin();
    });
  }

  const std::string path_;
  const std::size_t jobs_;
  Posts posts_;
  LogIds ids_;
  std::size_t begun_ = 0;
  std::size_t ended_ = 0;
  std::uintmax_t largest_ = 0;
  Millis slowest_{0};
  SqliteJournal journal_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  std::vector<std::size_t> numbers;
  for (int i = 3; i < argc; ++i) numbers.push_back(std::strtoull(argv[i], nullptr, 10));
  if (what == "fill" && numbers.size() == 4) {
    fill(argv[2], numbers);
  } else if (what == "rate" && numbers.size() == 2) {
    Rate(argv[2], numbers[0]).run(numbers[1]);
  } else {
    fmt::print(stderr,
               "journal_maker fill FILE ACCEPTED OVERDUE SETTLED PUBLISHED | rate FILE JOBS IN_FLIGHT\n");
    return 64;
  }
  return 0;
}
