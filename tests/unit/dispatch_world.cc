#include "unit/dispatch_world.h"

#include <utility>

namespace elves::testing {

World::Process::Process(World& world)
    : dispatcher({world, world, world, world, world, world, world.audit_, world.metrics_, world.clock_,
                  timers, [&world](const AgentResult& result) { return world.rebuild(result); }},
                 {}) {}

bool World::play() {
  begin();
  for (int steps = 0; steps < 3000; ++steps) {
    if (dying_) die();
    const auto due = process_->timers.next();
    if (events_.empty() && !due) return true;
    const bool event = !events_.empty() && (!due || events_.begin()->first <= *due);
    const SteadyTime at = event ? events_.begin()->first : *due;
    if (at > clock_.now()) clock_.advance(std::chrono::ceil<Millis>(at - clock_.now()));
    if (!event) {
      process_->timers.run_due(clock_.now());
    } else {
      const auto next = events_.extract(events_.begin());
      next.mapped().run();
    }
  }
  return false;
}

void World::later(unsigned way, Millis wait, std::function<void()> action) {
  if (way == kCallback && !process_) return;
  events_.emplace(clock_.now() + wait, Event{way, std::move(action)});
}

const Fault* World::count(const char* name) {
  ++operations;
  if (with_story_) (story += std::to_string(operations)) += ' ';
  tell(name);
  for (const Fault& fault : what_.faults) {
    if (fault.at != operations) continue;
    tell(fault.what == Fault::What::fails ? "^ FAILS" : "^ DIES");
    ++hits;
    return &fault;
  }
  return nullptr;
}

// An operation takes effect a moment later, or fails, or the process ends before or after it. A process that
// is dying does nothing any more.
void World::operation(const char* name, unsigned way, std::function<void()> effect,
                      const std::function<void(unsigned)>& fail) {
  if (dying_) return;
  const Fault* fault = count(name);
  if (fault && fault->what == Fault::What::fails) return fail(fault->how);
  if (!fault || fault->what == Fault::What::dies_after) later(way, Millis(1), std::move(effect));
  if (fault) dying_ = *fault;
}

void World::die() {
  ++deaths;
  const Fault fault = *std::exchange(dying_, std::nullopt);
  process_.reset();
  serving_ = false;
  for (auto& [at, event] : std::exchange(events_, {})) {
    if (event.way == kWorld) {
      events_.emplace(at, std::move(event));
    } else if ((fault.how & event.way) != 0) {
      event.run();
    }
  }
  held.clear();
  ++epoch_;
  results_first_ = fault.results_first;
  begin();
}

// As App::Parts::recover does.
void World::begin() {
  tell("a process starts");
  process_ = std::make_unique<Process>(*this);
  process_->dispatcher.recover(records(false));
  later(kCallback, Millis(5), [this] {
    process_->dispatcher.recover(records(true));
    serve();
  });
}

std::vector<JobRecord> World::records(bool published) const {
  std::vector<JobRecord> found;
  for (const auto& [id, record] : on_disk) {
    if ((record.state == JobState::published) == published) found.push_back(record);
  }
  return found;
}

void World::serve() {
  serving_ = true;
  if (results_first_) {
    for (std::size_t i = 0; i < executions.size(); ++i) bring(i);
  }
  if (what_.kind.elsewhere && executions.empty()) execute(job());
  if (what_.kind.elsewhere || (what_.kind.http && std::exchange(asked_, true))) return;
  later(kCallback, results_first_ ? Seconds(3) : Seconds(0), [this] { deliver(); });
}

Job World::job() const {
  Job made = request(what_.kind.type).job;
  made.dialect = what_.kind.dialect;
  made.rand_id = what_.kind.rand_id ? "r1" : "";
  made.mode = what_.kind.processor ? "SAP" : "sanp";
  if (what_.kind.call) made.reply = ReplyRoute{false, "scheduler.caller", ""};
  if (what_.kind.elsewhere) made.log_id = LogId(4711);
  if (!what_.kind.http) return made;
  made.from = "http";
  made.reply.reset();
  made.announce = false;
  made.fingerprint = 0;
  return made;
}

void World::deliver() {
  if (acknowledged) return;
  Submission submission;
  submission.job = job();
  if (what_.kind.http) {
    process_->dispatcher.submit(std::move(submission), [this](const JobPtr&, const Outcome&) { ++ends; });
    return;
  }
  tell(deliveries_ > 0 ? "redelivered" : "delivered");
  submission.redelivered = deliveries_++ > 0;
  submission.delivery = DeliveryRef{1, epoch_};
  process_->dispatcher.submit(std::move(submission));
}

// Fails: the connection breaks.
void World::acknowledge(DeliveryRef delivery) {
  const auto effect = [this, delivery] { acknowledged = acknowledged || delivery.epoch == epoch_; };
  operation("acknowledge", kAcknowledge, effect, [this](unsigned how) {
    ++epoch_;
    later(kCallback, Millis(1), [this] { process_->dispatcher.deliveries_lost(); });
    const Millis away(how % 2 != 0 ? 3000 : 2);
    consumer_back_ = clock_.now() + away;
    later(kCallback, away, [this] { deliver(); });
  });
}

void World::read_notices(std::function<void()> done) {
  const auto away = std::chrono::ceil<Millis>(consumer_back_ - clock_.now());
  later(kCallback, std::max(away, Millis(1)), std::move(done));
}

// Fails: the broker takes nothing for a while.
void World::publish(Publication&& what, std::function<void()> done) {
  static constexpr std::array kNames{"publish reply", "publish acceptance", "publish terminal"};
  const auto* answer = std::get_if<Answer>(&what);
  const bool notice = std::holds_alternative<Notice>(what);
  const char* name = answer   ? kNames.at(static_cast<std::size_t>(answer->kind))
                     : notice ? "publish notice"
                              : "publish dead letter";
  const auto effect = [this, what = std::move(what), done = std::move(done)] { take(what, done); };
  operation(name, kPublish, effect, [this, effect](unsigned how) {
    publisher_back_ = clock_.now() + (how % 2 != 0 ? Seconds(60) : Seconds(3));
    effect();
  });
}

void World::take(const Publication& what, const std::function<void()>& done) {
  if (process_ && clock_.now() < publisher_back_) {
    const auto* answer = std::get_if<Answer>(&what);
    if (answer && answer->unsure) {
      return later(kCallback, std::chrono::ceil<Millis>(publisher_back_ - clock_.now()), answer->unsure);
    }
    return later(kPublish, std::chrono::ceil<Millis>(publisher_back_ - clock_.now()),
                 [this, what, done] { take(what, done); });
  }
  if (!std::holds_alternative<Notice>(what)) out.push_back(what);  // there is no other scheduler
  later(kCallback, Millis(1), done);
}

// Fails: once, or for 20 seconds.
void World::write(JobRecord record, Kept kept) {
  static constexpr std::array kNames{"journal received", "journal accepted", "journal settled",
                                     "journal published"};
  const char* name = kNames.at(static_cast<std::size_t>(record.state));
  const auto effect = [this, record, kept] { commit(record, kept); };
  operation(name, kJournal, effect, [this, record, kept](unsigned how) {
    if (how % 2 != 0) journal_back_ = clock_.now() + Seconds(20);
    refuse(record, kept, std::max(journal_back_, clock_.now() + Seconds(1)));
  });
}

void World::commit(const JobRecord& record, const Kept& kept) {
  if (clock_.now() < journal_back_) return refuse(record, kept, journal_back_);
  held.erase(record.job->log_id.value());
  on_disk[record.job->log_id.value()] = record;
  if (kept) later(kCallback, Millis(1), [kept] { kept({}); });
}

// What nobody waits for is held until the journal can be written again; nothing else is.
void World::refuse(const JobRecord& record, const Kept& kept, SteadyTime back) {
  ++refusals;
  if (kept) {
    return later(kCallback, Millis(1), [kept] { kept(Error{ErrorCode::overloaded, "disk full"}); });
  }
  held[record.job->log_id.value()] = record;
  later(kWorld, std::chrono::ceil<Millis>(back - clock_.now()), [this] { flush(); });
}

void World::flush() {
  for (auto& [id, record] : std::exchange(held, {})) on_disk[id] = std::move(record);
}

Result<Job> World::rebuild(const AgentResult& result) {
  if (dying_) return Error{ErrorCode::internal, "dying"};
  const Fault* fault = count("rebuild");
  if (fault && fault->what != Fault::What::fails) dying_ = *fault;
  if (fault) return Error{ErrorCode::illegal_id, "not a job of ours"};
  Job made = job();
  made.log_id = LogId();
  made.reply.reset();
  made.announce = true;
  made.fingerprint = 0;
  made.agent_ip = result.ip;
  return made;
}

}  // namespace elves::testing
