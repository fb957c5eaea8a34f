#include "worker/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/log.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTidyBite = 500;

// The file holds what jobs were given, so it is not for everybody to read.
void make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) throw std::runtime_error(std::strerror(errno));
  ::close(fd);
}

StateOptions absolute(StateOptions options) {
  options.folder = fs::absolute(options.folder).lexically_normal();
  return options;
}

std::string file_of(const StateOptions& options) { return (options.folder / "elves-agent.db").string(); }

}  // namespace

State::State(StateOptions options, const Clock& clock, Post post)
    : options_(absolute(std::move(options))), clock_(clock), post_(std::move(post)) {
  std::string advice = "statedir in cfg.json must name a folder that this user may write";
  try {
    fs::create_directories(options_.folder);
    advice += ", and each agent needs one of its own";
    lock_ = std::make_unique<FolderLock>((options_.folder / "elves-agent.lock").string());
    make_file(file_of(options_));
    advice =
        "use the program that wrote it, or move it away: results that are not reported yet are then lost";
    recover();
  } catch (const std::exception& fault) {
    throw std::runtime_error(
        fmt::format("the agent's state {}: {}; {}", file_of(options_), reason(fault), advice));
  }
  thread_ = std::thread([this] { run(); });
}

State::~State() {
  mailbox_.push(Stop{});
  thread_.join();
}

void State::recover() {
  store().transaction([this] {
    store().probe();
    store().end_started("agent restarted while the job was running");
  });
  waiting_ = store().waiting();
  last_order_ = store().last_order();
  unreported_at_start_ = store().unreported();
  name_ = fmt::format("{}:{}", store().id(), fs::canonical(options_.folder).string());
}

void State::take(std::vector<Offer> offers, std::function<void(std::vector<Decision>)> done) {
  mailbox_.push(Take{std::move(offers), std::move(done)});
}

void State::start(Number number, std::function<void()> marked) {
  mailbox_.push(Start{number, std::move(marked)});
}

void State::end(Number number, WorkerAnswer answer) { mailbox_.push(End{number, std::move(answer), 0}); }

void State::report(Number number, bool said_repeated) { mailbox_.push(Report{number, said_repeated}); }

void State::results(std::int64_t after, std::function<void(std::vector<UnreportedResult>)> found) {
  mailbox_.push(Load{after, std::move(found)});
}

void State::run() {
  for (bool stopping = false; !stopping;) {
    wait();
    stopping = receive();
    if (stopping || may_write()) commit();
    if (!trouble_.empty()) refuse();
    answer_loads();
    tidy();
  }
  if (!pending_.empty())
    log::error("{} entries of the agent's state are lost: {}", pending_.size(), trouble_);
}

void State::wait() const {
  const SteadyTime next = trouble_.empty() && loads_.empty() ? next_tidy_ : next_try_;
  const auto pause = std::chrono::ceil<Millis>(next - std::chrono::steady_clock::now());
  pollfd mail{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0};
  ::poll(&mail, 1, static_cast<int>(std::max<Millis::rep>(pause.count(), 0)));
}

// Answers whether it is to stop.
bool State::receive() {
  bool stop = false;
  mailbox_.take([&](Order& order) {
    if (auto* take = std::get_if<Take>(&order)) pending_.emplace_back(std::move(*take));
    if (auto* start = std::get_if<Start>(&order)) pending_.emplace_back(std::move(*start));
    if (auto* report = std::get_if<Report>(&order)) pending_.emplace_back(*report);
    if (auto* load = std::get_if<Load>(&order)) loads_.push_back(std::move(*load));
    if (auto* end = std::get_if<End>(&order)) {
      end->order = ++last_order_;
      pending_.emplace_back(std::move(*end));
    }
    stop = stop || std::holds_alternative<Stop>(order);
  });
  return stop;
}

bool State::may_write() const { return trouble_.empty() || std::chrono::steady_clock::now() >= next_try_; }

void State::commit() {
  if (pending_.empty() && trouble_.empty()) return;
  News news;
  try {
    store().transaction([&] {
      if (!trouble_.empty()) store().probe();
      for (auto& change : pending_) std::visit([&](auto& one) { apply(one, news); }, change);
    });
  } catch (const std::exception& fault) {
    failed(fault, "written");
    return;
  }
  if (news_.tell(false, std::chrono::steady_clock::now()))
    log::info("the agent's state {} is written again", file_of(options_));
  trouble_.clear();
  pending_.clear();
  tell(std::move(news));
}

void State::apply(Take& take, News& news) {
  std::vector<Decision> decisions;
  decisions.reserve(take.offers.size());
  for (const auto& offer : take.offers) decisions.push_back(decide(offer));
  news.emplace_back(
      [done = take.done, decisions = std::move(decisions)]() mutable { done(std::move(decisions)); });
}

void State::apply(Start& start, News& news) {
  store().mark_started(start.number);
  news.push_back(start.marked);
}

void State::apply(End& end, News& news) {
  store().end(end.number, end.answer, end.order);
  news.emplace_back([this] { on_ended_(); });
}

void State::apply(Report& report, News& news) {
  if (store().report(report.number, report.said_repeated, clock_.wall_now())) return;
  if (auto again = store().read(report.number)) {
    news.emplace_back([this, again = std::move(*again)]() mutable { on_again_(std::move(again)); });
  }
}

void State::apply(Repeat& repeat, News&) { store().mark_repeated(repeat.number); }

Decision State::decide(const Offer& offer) {
  if (const auto known = store().find(offer.instruction, clock_.wall_now())) {
    if (known->reported) return {.kind = Decision::Kind::reported, .number = known->number, .why = ""};
    store().mark_repeated(known->number);
    return {.kind = Decision::Kind::known, .number = known->number, .why = ""};
  }
  if (!offer.refusal.empty()) return {.kind = Decision::Kind::refused, .number = 0, .why = offer.refusal};
  if (is_full()) {
    return {.kind = Decision::Kind::refused,
            .number = 0,
            .why = fmt::format("overloaded: {} results wait for the scheduler", store().unreported())};
  }
  const auto number = store().insert(offer.instruction, clock_.wall_now());
  return {.kind = Decision::Kind::taken, .number = number, .why = ""};
}

// Full until a tenth of it is free again, so that the log is not flooded.
bool State::is_full() {
  const auto bytes = store().bytes();
  const bool now = bytes >= (full_ ? options_.max_bytes / 10 * 9 : options_.max_bytes);
  if (now != std::exchange(full_, now)) {
    if (now) {
      log::error(
          "{} results wait for the scheduler, {} bytes with all that was taken: the limit state.maxbytes is "
          "reached, asynchronous instructions are refused",
          store().unreported(), bytes);
    } else {
      log::info("asynchronous instructions are taken again");
    }
  }
  return now;
}

void State::answer_loads() {
  News news;
  std::vector<Load> unanswered;
  for (auto& one : std::exchange(loads_, {})) {
    try {
      auto results = load(one);
      news.emplace_back([found = std::move(one.found), results = std::move(results)]() mutable {
        found(std::move(results));
      });
    } catch (const std::exception& fault) {
      failed(fault, "read");
      unanswered.push_back(std::move(one));
    }
  }
  loads_ = std::move(unanswered);
  tell(std::move(news));
}

void State::tidy() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_tidy_ || !trouble_.empty()) return;
  std::size_t removed = 0;
  try {
    store().transaction([&] { removed = store().tidy(options_.remember, kTidyBite, clock_.wall_now()); });
  } catch (const std::exception& fault) {
    failed(fault, "written");
  }
  if (removed == 0) next_tidy_ = now + options_.tidy;
}

void State::tell(News news) {
  if (news.empty()) return;
  post_([alive = std::weak_ptr<bool>(alive_), news = std::move(news)]() mutable {
    if (alive.expired()) return;
    for (auto& one : news) one();
  });
}

StateStore& State::store() {
  if (!store_) store_ = std::make_unique<StateStore>(file_of(options_), options_.busy);
  return *store_;
}

// A connection is not to be trusted after an error, unless the disk is just full.
void State::failed(const std::exception& fault, const char* what) {
  if (!worker::is_full(fault)) store_.reset();
  next_try_ = std::chrono::steady_clock::now() + options_.retry;
  auto why = reason(fault);
  if (news_.tell(true, std::chrono::steady_clock::now())) {
    log::error("the agent's state {} cannot be {}: {}; new asynchronous instructions are refused",
               file_of(options_), what, why);
  }
  trouble_ = std::move(why);
}

}  // namespace elves::worker
