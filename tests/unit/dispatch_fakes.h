// Hand-written fakes of dispatch's ports. They record calls; the test decides when and how each one ends.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.h"

namespace elves::testing {

class FakeClock final : public Clock {
 public:
  SteadyTime now() const override { return now_; }
  WallTime wall_now() const override {
    return WallTime(std::chrono::seconds(1700000000)) + (now_ - SteadyTime{});
  }
  void advance(Millis by) { now_ += by; }

 private:
  SteadyTime now_{};
};

class FakeAgents final : public AgentClient {
 public:
  struct Call {
    JobPtr job;
    Deadline deadline;
    OnAgentReply done;
    bool asynchronous;
  };
  void run(JobPtr job, Deadline deadline, OnAgentReply done) override {
    calls.push_back({std::move(job), deadline, std::move(done), false});
  }
  void start(JobPtr job, Deadline deadline, OnAgentReply done) override {
    calls.push_back({std::move(job), deadline, std::move(done), true});
  }
  // Ends the oldest call.
  void answer(AgentReply reply) {
    auto call = std::move(calls.front());
    calls.pop_front();
    call.done(std::move(reply));
  }
  void answer(int flag, std::string text = "") {
    answer({WorkerAnswer{flag, 7, std::move(text)}, true, Millis(3)});
  }
  void fail(ErrorCode code, bool sent) { answer({Error{code, "because"}, sent, Millis(1)}); }

  std::deque<Call> calls;
};

class FakeProcessors final : public ProcessorClient {
 public:
  struct Call {
    JobPtr job;
    WorkerAnswer answer;
    Leaving leaving;
    Done done;
  };
  void notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) override {
    calls.push_back({std::move(job), answer, std::move(leaving), std::move(done)});
  }
  // The oldest call is about to be made.
  void leave() {
    calls.front().leaving([this](const Result<void>& word) { words.push_back(word); });
  }
  // Ends the oldest call.
  void answer(Stage stage) {
    auto call = std::move(calls.front());
    calls.pop_front();
    call.done(std::move(stage));
  }
  void answer() { answer({true, std::nullopt, Millis(4)}); }
  void fail(std::string why) {
    answer({false, Error{ErrorCode::processor_failed, std::move(why)}, Millis(2)});
  }

  std::deque<Call> calls;
  std::vector<Result<void>> words;  // whether they may leave, in the order they heard it
};

class FakeJournal final : public Journal {
 public:
  bool durable() const override { return is_durable; }
  std::string instance() const override { return "00000000000000AA"; }
  std::string trouble() const override { return {}; }
  std::string history_trouble() const override { return {}; }
  void write(JobRecord record, Kept kept) override {
    if (refuse) {
      if (kept)
        pending.push_back([kept = std::move(kept)] { kept(Error{ErrorCode::overloaded, "disk full"}); });
      return;
    }
    records[record.job->log_id.value()] = record;
    if (kept) pending.push_back([kept = std::move(kept)] { kept({}); });
  }
  void open_jobs(std::function<void(std::vector<JobRecord>)>) override {}
  void finished(std::size_t, std::size_t, std::function<void(std::vector<JobRecord>)>) override {}
  // Lets everything that was written become durable.
  void commit() {
    while (!pending.empty()) {
      auto next = std::move(pending.front());
      pending.pop_front();
      next();
    }
  }

  bool is_durable = true;
  bool refuse = false;
  std::map<std::uint64_t, JobRecord> records;
  std::deque<std::function<void()>> pending;
};

class FakePublisher final : public Publisher {
 public:
  struct Sent {
    Publication what;
    std::function<void()> done;
  };
  void publish(Publication&& what, std::function<void()> done) override {
    const bool notice = std::holds_alternative<Notice>(what);
    (notice ? notices : sent).push_back({std::move(what), std::move(done)});
  }
  const Answer& answer(std::size_t i) const { return std::get<Answer>(sent.at(i).what); }
  void confirm_all() {
    for (auto* all : {&notices, &sent}) {
      for (std::size_t i = 0; i < all->size(); ++i) {
        if (auto done = std::exchange((*all)[i].done, nullptr)) done();
      }
    }
  }
  // The connection broke before the broker had confirmed this one.
  void lose(std::size_t i) {
    sent.at(i).done = nullptr;
    answer(i).unsure();
  }
  std::size_t terminals() const {
    return static_cast<std::size_t>(std::ranges::count_if(sent, [](const Sent& one) {
      const auto* found = std::get_if<Answer>(&one.what);
      return found && found->kind == Answer::Kind::terminal;
    }));
  }

  const Notice& notice(std::size_t i) const { return std::get<Notice>(notices.at(i).what); }

  std::deque<Sent> sent;     // but for
  std::deque<Sent> notices;  // these
};

class FakeAcker final : public DeliveryAcker {
 public:
  void acknowledge(DeliveryRef delivery) override { tags.push_back(delivery.tag); }
  std::vector<std::uint64_t> tags;
};

class FakeNotices final : public NoticeReader {
 public:
  void read_notices(std::function<void()> done) override { asked.push_back(std::move(done)); }
  // All that was told has been handed in.
  void read() {
    for (const auto& done : std::exchange(asked, {})) done();
  }
  std::vector<std::function<void()>> asked;
  bool connected = true;
};

class FakeAudit final : public AuditTrail {
 public:
  struct End {
    JobPtr job;
    Outcome outcome;
  };
  void asked(const JobPtr& job) override { begun.push_back(job); }
  void ended(const JobPtr& job, const Outcome& outcome) override { ends.push_back({job, outcome}); }

  std::vector<JobPtr> begun;
  std::vector<End> ends;
};

class FakeMetrics final : public MetricsSink {
 public:
  void count(Event event) override { ++counts.at(static_cast<std::size_t>(event)); }
  int operator[](Event event) const { return counts.at(static_cast<std::size_t>(event)); }
  std::array<int, kEvents> counts{};
};

// A dispatcher with fakes all around.
struct Bench {
  explicit Bench(DispatchLimits limits = {})
      : dispatcher({agents, processors, journal, publisher, acker, notices, audit, metrics, clock, timers,
                    [](const AgentResult& result) -> Result<Job> {
                      const auto type = parse_job_type(result.type);
                      if (!type || *type == JobType::sync)
                        return Error{ErrorCode::illegal_type, "no such type"};
                      Job job;
                      job.type = *type;
                      job.id = result.id;
                      job.agent_ip = result.ip;
                      job.fingerprint = LogId::parse(result.request).value_or(LogId()).value();
                      return job;
                    }},
                   std::move(limits)) {}

  void pass(Millis time) {
    clock.advance(time);
    timers.run_due(clock.now());
    if (notices.connected) notices.read();
  }

  FakeClock clock;
  Timers timers;
  FakeAgents agents;
  FakeProcessors processors;
  FakeJournal journal;
  FakePublisher publisher;
  FakeAcker acker;
  FakeNotices notices;
  FakeAudit audit;
  FakeMetrics metrics;
  Dispatcher dispatcher;
};

inline Submission request(JobType type, std::string id = "task-1", std::uint64_t tag = 1,
                          std::uint32_t epoch = 1) {
  Submission submission;
  submission.job.type = type;
  submission.job.from = type == JobType::sync ? "openapi" : wire_name(type);
  submission.job.id = type == JobType::sync ? "" : std::move(id);
  submission.job.agent_ip = "10.0.0.1";
  submission.job.app = "apptest";
  submission.job.func = "hello";
  submission.job.timeout = Seconds(30);
  if (type == JobType::sync) submission.job.reply = ReplyRoute{true, "answers", "c-1"};
  submission.delivery = DeliveryRef{tag, epoch};
  submission.job.fingerprint = 4711;
  return submission;
}

inline AgentResult result(std::string id, std::string text, std::string type = "queue") {
  AgentResult made;
  made.id = std::move(id);
  made.ip = "10.0.0.1";
  made.peer = "10.0.0.1";
  made.type = std::move(type);
  made.answer = WorkerAnswer{1, 12, std::move(text)};
  return made;
}

// A queue task that the agent has accepted.
inline void accepted(Bench& bench, Submission submission = request(JobType::queue)) {
  bench.dispatcher.submit(std::move(submission));
  bench.journal.commit();
  bench.agents.answer(1);
  bench.journal.commit();
}

// For results whose answer to the agent does not matter.
inline const Dispatcher::Taken kIgnore = [](bool) {};

// Counts the answers that an agent got for the results it brought.
struct Taken {
  Dispatcher::Taken callback() {
    return [this](bool kept) { (kept ? yes : no)++; };
  }
  int yes = 0;
  int no = 0;
};

inline Submission redelivered(JobType type = JobType::queue) {
  auto again = request(type, "task-1", 1, 2);
  again.redelivered = true;
  return again;
}

// Two schedulers whose fingerprints and ids agree, as they do for one request.
struct Pair {
  Bench one;
  Bench other;
  void tell(Bench& from, Bench& to) {
    to.dispatcher.settled_elsewhere(from.publisher.notice(0), DeliveryRef{77, 1});
    to.journal.commit();
  }
};

}  // namespace elves::testing
