// What became of a job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace elves {

// Thrift's Reinstruct without the instruction it echoes.
struct WorkerAnswer {
  std::int32_t flag = 0;      // 1 succeeded, 0 reported failure, -1 the agent could not run it
  std::int32_t costtime = 0;  // milliseconds
  std::string result;         // any bytes; the dialect makes them UTF-8

  friend bool operator==(const WorkerAnswer&, const WorkerAnswer&) = default;
};

// One hop of a job: the call to the agent, the call to the processor.
struct Stage {
  bool ok = false;             // reached, and it answered
  std::optional<Error> error;  // why not
  Millis cost{0};
  bool asked = false;  // processor only: the call may have been made, whether or not an answer came
};

// The result of a job, or its state when `running`.
struct Outcome {
  bool rejected = false;       // never carried out: answered with mqflag "0"
  bool running = false;        // accepted by the agent, or its result with the processor: result_flag 2
  std::optional<Error> error;  // the stage that failed; none when every stage did its part
  Stage agent;
  std::optional<WorkerAnswer> worker;
  Stage processor;  // as constructed when not asked for
  WallTime started{};
  WallTime ended{};
  WallTime called_back{};      // asynchronous: when the result came in; epoch when none did
  std::uint32_t attempts = 0;  // calls to the agent that were begun

  // Every stage asked for succeeded, the worker's own flag included.
  bool succeeded() const { return !rejected && !running && !error && worker && worker->flag == 1; }
};

// A result that an agent brought to SchedulerService.dataTransport: the instruction as it echoed it, and the
// answer.
struct AgentResult {
  std::string id;       // Instruct.id
  std::string exec_id;  // log id, when the agent knows and echoes it; else ""
  std::string ip;
  std::string type;
  std::string mode;
  std::string app;
  std::string func;
  std::string param;
  std::string proxy;
  std::int32_t timeout = 0;    // seconds
  std::string request{};       // of the message that asked, when the agent echoes it; else ""
  bool may_be_repeat = false;  // the agent was sent it more than once: another scheduler may wait for it
  std::string peer{};     // the address that brought it here; "" = nobody did: it is another scheduler's word
  bool reported = false;  // only in an acceptance: taken before, and a scheduler has the result already
  WorkerAnswer answer;
};

// What one scheduler tells the others: how an execution ended that another of them may wait for.
struct Notice {
  AgentResult result;  // the execution, named as its agent would; its answer, unless there is an `error`
  std::optional<Error> error;  // it ended without an answer
};

// Whether `result`, which names another execution, is also that of a job with this request: the message that
// asked was delivered, and sent to the agent, more than once.
inline bool same_request(const std::string& request, bool may_be_repeat, const AgentResult& result) {
  return (may_be_repeat || result.may_be_repeat) && !request.empty() && request == result.request;
}

}  // namespace elves
