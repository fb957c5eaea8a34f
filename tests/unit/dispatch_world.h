// A small world around the Dispatcher: a broker with one request, an agent, a journal that outlives the
// process, and a process that can die. Every call on a port is an operation with a number, counted on from
// process to process; the faults of a run name those that fail, or that end the process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unit/dispatch_fakes.h"

namespace elves::testing {

// What is asked.
struct Kind {
  const char* name;
  JobType type;
  Dialect dialect = Dialect::flat;
  bool call = false;  // asynchronous: somebody waits for the acceptance
  bool rand_id = false;
  bool processor = false;
  bool http = false;       // no delivery; an on_end instead
  bool elsewhere = false;  // no request: only the result of one that another scheduler sent
};

// When the agent's result comes.
enum class Pace : std::uint8_t { quick, before_the_acceptance, after_the_deadline };

struct Fault {
  enum class What : std::uint8_t { fails, dies_before, dies_after };
  What what = What::fails;
  int at = 0;        // the operation
  unsigned how = 0;  // fails: in which way, 0 to 7. dies: on which ways things still arrive, bits of Way
  bool results_first = false;  // dies: the next process hears from the agent before it hears from the broker
};

struct Case {
  Kind kind;
  Pace pace = Pace::quick;
  bool dedupes = true;  // elves-agent. The released one runs whatever comes, and echoes no exec_id
  std::vector<Fault> faults;
};

class World final : AgentClient, ProcessorClient, Journal, Publisher, DeliveryAcker, NoticeReader {
 public:
  // Ways out of the process. What is on one of them when it dies may still arrive, or not.
  enum Way : unsigned { kJournal = 1, kPublish = 2, kAcknowledge = 4, kCall = 8 };
  struct Execution {
    AgentResult result;
    LogId log_id;
    bool told = false;  // the agent heard that its result is taken
  };

  explicit World(const Case& what, bool with_story = false) : what_(what), with_story_(with_story) {}

  // From the request to the end of everything. Answers whether it came to an end.
  bool play();

  // What came of it.
  std::size_t open() const { return process_->dispatcher.open(); }
  int operations = 0;
  std::size_t hits = 0;  // faults that happened
  int deaths = 0;
  int runs = 0;      // of workers
  int ends = 0;      // on_end
  int refusals = 0;  // of the journal
  bool acknowledged = false;
  bool told_too_early = false;       // an agent, before the journal had its result
  bool processed_too_early = false;  // a processor was called, and the journal did not know that it may be
  std::map<std::string, int> processed;  // calls of the processor that came there, by the worker's message
  std::vector<Execution> executions;     // asynchronous ones
  std::vector<Publication> out;          // what the broker has
  std::map<std::uint64_t, JobRecord> on_disk;
  std::map<std::uint64_t, JobRecord> held;  // waits in memory for the journal to recover
  std::string story;                        // what happened, in order

 private:
  static constexpr unsigned kCallback = 16;  // into the process: ends with it
  static constexpr unsigned kWorld = 32;     // what happens anyhow
  struct Event {
    unsigned way;
    std::function<void()> run;
  };
  struct Process {
    explicit Process(World& world);
    Timers timers;
    Dispatcher dispatcher;
  };

  void run(JobPtr job, Deadline deadline, OnAgentReply done) override;
  void start(JobPtr job, Deadline deadline, OnAgentReply done) override;
  void notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) override;
  bool durable() const override { return true; }
  std::string trouble() const override { return {}; }
  std::string history_trouble() const override { return {}; }
  std::string instance() const override { return "00000000000000AA"; }
  void write(JobRecord record, Kept kept) override;
  void open_jobs(std::function<void(std::vector<JobRecord>)>) override {}
  void finished(std::size_t, std::size_t, std::function<void(std::vector<JobRecord>)>) override {}
  void publish(Publication&& what, std::function<void()> done) override;
  void acknowledge(DeliveryRef delivery) override;
  void read_notices(std::function<void()> done) override;
  Result<Job> rebuild(const AgentResult& result);

  void tell(const std::string_view event) {
    if (with_story_) (story += event) += "; ";
  }
  void later(unsigned way, Millis wait, std::function<void()> action);
  const Fault* count(const char* name);
  void operation(const char* name, unsigned way, std::function<void()> effect,
                 const std::function<void(unsigned)>& fail);
  void begin();
  void die();
  void serve();
  std::vector<JobRecord> records(bool published) const;

  Job job() const;
  void deliver();
  void take(const Publication& what, const std::function<void()>& done);
  void commit(const JobRecord& record, const Kept& kept);
  void refuse(const JobRecord& record, const Kept& kept, SteadyTime back);
  void flush();

  void call_processor(const JobPtr& job, const WorkerAnswer& answer, const Done& done);
  void processor_has(const JobPtr& job, const WorkerAnswer& answer);
  void fail_call(unsigned how, const JobPtr& job, Deadline deadline, const OnAgentReply& done);
  void arrive(const JobPtr& job, Deadline deadline, const OnAgentReply& done);
  void execute(const Job& job);
  void bring(std::size_t which);
  bool is_durable(const AgentResult& result) const;

  const Case& what_;
  const bool with_story_;
  FakeClock clock_;
  FakeAudit audit_;
  FakeMetrics metrics_;
  std::multimap<SteadyTime, Event> events_;  // equal times in order of arrival
  std::unique_ptr<Process> process_;         // none while what was on its way arrives
  std::optional<Fault> dying_;
  bool serving_ = false;  // the process knows its past, and takes results
  bool results_first_ = false;
  bool asked_ = false;
  int deliveries_ = 0;
  std::uint32_t epoch_ = 1;
  SteadyTime publisher_back_{};
  SteadyTime consumer_back_{};
  SteadyTime journal_back_{};
};

}  // namespace elves::testing
