// An instruction as an agent receives it: Thrift's Instruct as a value. Names on the wire: docs/protocol.md.
#pragma once

#include <cstdint>
#include <string>

#include "model/outcome.h"

namespace elves {

// Strings are any bytes, as the scheduler sent them; what it did not send is "" or 0.
struct Instruction {
  std::string id;  // synchronous: the log id; asynchronous: the initiator's id, or id:rand_id
  std::string ip;
  std::string type;  // "rt" | "cron" | "queue"
  std::string mode;
  std::string app;
  std::string func;
  std::string param;
  std::int32_t timeout = 0;  // seconds
  std::string proxy;
  std::string exec_id;         // the log id; "" from a scheduler that does not send it
  bool may_be_repeat = false;  // the scheduler cannot rule out that this execution was sent before, perhaps
                               // by another scheduler and with another exec_id
  std::string request;  // of the message that asked: the same when it is delivered again; "" = not known

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

// An agent's answer to one asynchronous instruction.
struct Acceptance {
  WorkerAnswer answer;    // flag 1 = taken
  bool reported = false;  // it was taken before, and a scheduler has its result: it does not come again
};

// What an agent brings back: `instruction` echoed, and its answer.
AgentResult result_of(Instruction instruction, WorkerAnswer answer);

}  // namespace elves
