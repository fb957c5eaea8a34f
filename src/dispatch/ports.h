// What dispatching needs of the world. Adapters implement these; everything here is called on, and calls back
// on, the loop thread, and no callback is ever run inside the call that was given it.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/event.h"
#include "model/job.h"
#include "model/outcome.h"

namespace elves {

// Names one broker delivery. A delivery of an earlier connection (another epoch) can no longer be
// acknowledged: the broker delivers it again. Tags count up for each channel of a connection.
struct DeliveryRef {
  std::uint64_t tag = 0;
  std::uint32_t epoch = 0;
  std::uint16_t channel = 1;

  friend auto operator<=>(const DeliveryRef&, const DeliveryRef&) = default;
};

// A request as an adapter hands it in.
struct Submission {
  Job job;                        // log_id is given by the dispatcher
  std::optional<Error> rejected;  // why it must not be run; it is answered if anybody can be told
  bool answerable = true;         // somebody can be told of a rejection
  std::string body;               // only of a request that nobody can be told about: for the dead letter
  std::string routing_key;        // likewise
  std::optional<DeliveryRef> delivery;
  bool redelivered = false;
  // Of an asynchronous job that is taken: called once with what the journal says of its first record. The log
  // id: it is kept, and no end of this process loses the job. An error: it is not, and its agent is not
  // called.
  std::function<void(Result<LogId>)> on_recorded{};
};

// How a call to an agent ended. Errors: send_failed and overloaded: nothing was sent; job_timeout: the
// deadline passed (`sent` tells whether the agent may have the job); outcome_unknown: sent, then the
// connection died; agent_answer_illegal: sent, and the answer is no answer to it.
struct AgentReply {
  Result<WorkerAnswer> answer;
  bool sent = false;
  Millis cost{0};
  bool reported = false;  // asynchronous, accepted: it ran before, and a scheduler has its result already
};
using OnAgentReply = std::function<void(AgentReply)>;

// Calls agents. Every call ends in exactly one callback, no later than shortly after its deadline.
class AgentClient {
 public:
  virtual ~AgentClient() = default;
  // instructionInvokeSync: the answer is the worker's.
  virtual void run(JobPtr job, Deadline deadline, OnAgentReply done) = 0;
  // instructionInvokeAsync: flag 1 = accepted, anything else = the agent will not run it.
  virtual void start(JobPtr job, Deadline deadline, OnAgentReply done) = 0;
};

// Calls AppService.runProcessor of the job's app.
class ProcessorClient {
 public:
  // To be called once: whether the call may be made now; if not, it ends with that error.
  using MayLeave = std::function<void(Result<void>)>;
  // Called at most once, when nothing is left to do but to send.
  using Leaving = std::function<void(MayLeave)>;
  using Done = std::function<void(Stage)>;

  virtual ~ProcessorClient() = default;
  // Ends in one `done`: `ok`, or the error (app_not_found, processor_failed). Nothing is sent without the
  // word that `leaving` asks for.
  virtual void notify(JobPtr job, const WorkerAnswer& answer, Leaving leaving, Done done) = 0;
};

// Something to publish about a job.
struct Answer {
  enum class Kind : std::uint8_t {
    reply,       // to Job::reply: the result of a synchronous job, or a rejection
    acceptance,  // to Job::reply: an asynchronous job was accepted or could not be
    terminal,    // to the component Job::type: how an asynchronous job ended
  };
  Kind kind = Kind::reply;
  JobPtr job;
  Outcome outcome;
  // Called instead of `done` when the broker has it back because nobody listens there. Empty: such a message
  // becomes a dead letter.
  std::function<void()> returned{};
  // Called instead of sending it again when the connection broke before the broker confirmed it, or before it
  // could be sent. Empty: it is sent again.
  std::function<void()> unsure{};
};

// A message nobody can be told about: goes to the dead letter queue with its reason.
struct DeadLetter {
  std::string body;
  std::string routing_key;  // as it came
  Error reason;
};

using Publication = std::variant<Answer, DeadLetter, Notice>;

// Publishes with confirms, for as long as it takes: `done` is called once the broker has taken
// responsibility, and never if the process ends before. Order is kept per job.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual void publish(Publication&& what, std::function<void()> done) = 0;
};

// Acknowledges deliveries; one of an earlier epoch is ignored.
class DeliveryAcker {
 public:
  virtual ~DeliveryAcker() = default;
  virtual void acknowledge(DeliveryRef delivery) = 0;
};

// Hears what other schedulers tell, and hands it in (Dispatcher::settled_elsewhere).
class NoticeReader {
 public:
  virtual ~NoticeReader() = default;
  // `done` is called once all that was told until now has been handed in: without a connection to the broker
  // that is when there is one again.
  virtual void read_notices(std::function<void()> done) = 0;
};

// The record of who asked what of which machine, for people who must be able to tell later.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  // The job is taken: told before its agent is called, once.
  virtual void asked(const JobPtr& job) = 0;
  // It is over, or was refused (`outcome.rejected`: nobody was told asked() of it). An asynchronous job that
  // ended in job_timeout ends again when its result comes after all.
  virtual void ended(const JobPtr& job, const Outcome& outcome) = 0;
};

// What the journal holds about a job.
enum class JobState : std::uint8_t {
  received,   // known here; the agent may or may not have it
  accepted,   // asynchronous: the agent has it, its result is to come
  settled,    // the outcome is known and durable, its message not yet confirmed
  published,  // over
};
// "received", "accepted", "settled", "published".
const char* state_name(JobState state);

struct JobRecord {
  JobPtr job;
  JobState state = JobState::received;
  Outcome outcome;
  // The broker does not deliver its request again: this record stands for it. Not told of an asynchronous job
  // that is accepted or settled: it always is, unless it settled as never sent.
  bool acknowledged = false;
  bool unsent = false;  // nothing was sent to the agent so far, and no call is in progress
  // Of history: param and result are not in it, for too much waited for the disk.
  bool texts_left_out = false;

  // Only people look at it: of a synchronous job that is not acknowledged (or came by HTTP), no later process
  // has anything to do. A request that is delivered again although it was answered is then recognized no
  // more, and answered with outcome_unknown once.
  bool only_history() const;
};
// About what a record takes in memory, in bytes.
std::size_t weight_of(const JobRecord& record);

// Keeps what must not be forgotten, and the history people look at. `kept` is called once the entry is
// durable, or with an error when it cannot be: then nothing was written.
class Journal {
 public:
  using Kept = std::function<void(Result<void>)>;
  virtual ~Journal() = default;
  // Whether what was kept outlives this process.
  virtual bool durable() const = 0;
  // Names this scheduler to the others for as long as what was kept lives: 16 hex digits. Any thread.
  virtual std::string instance() const = 0;
  // Why it cannot be written at the moment; "" = it can. Any thread.
  virtual std::string trouble() const = 0;
  // Why jobs that are over cannot be written to the history; nothing else depends on that. Any thread.
  virtual std::string history_trouble() const = 0;
  // Writes the record, replacing what the journal holds of the same log id. `kept` may be empty; then what is
  // only history may be lost with the process for a second. Who looks finds it at once.
  virtual void write(JobRecord record, Kept kept) = 0;
  // Every record that is not published, oldest first: what a process before this one left.
  virtual void open_jobs(std::function<void(std::vector<JobRecord>)> found) = 0;
  // Of those that are published the newest, newest first: so many at most, and the one that brings them to
  // the weight of `bytes` is the last.
  virtual void finished(std::size_t count, std::size_t bytes,
                        std::function<void(std::vector<JobRecord>)> found) = 0;
};

}  // namespace elves
