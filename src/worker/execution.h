// Asynchronous instructions as the agent's state knows them: values.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/instruction.h"
#include "model/outcome.h"

namespace elves::worker {

// Names an execution within one state file: from 1, rising in the order in which they were taken.
using Number = std::int64_t;

// An instruction that came.
struct Offer {
  Instruction instruction;
  std::string refusal;  // why it cannot be run should it be new; "" = it can
};

// What becomes of an offer.
struct Decision {
  enum class Kind : std::uint8_t {
    taken,     // new, and durable: to be run
    known,     // taken before; its result is still to be brought
    reported,  // taken before; a scheduler has its result
    refused,
  };
  Kind kind = Kind::refused;
  Number number = 0;  // of what was taken, now or before
  std::string why;    // refused: for the scheduler
};

// What was taken and whose worker was certainly not started.
struct WaitingExecution {
  Number number = 0;
  Instruction instruction;
  WallTime taken;
};

// A result that no scheduler has.
struct UnreportedResult {
  Number number = 0;
  std::int64_t order = 0;  // rises with the ends of workers
  AgentResult result;      // as it is to be brought
};

// How long reported executions are remembered: until one of the two is reached.
struct Remember {
  Seconds age{7 * 24 * 3600};
  std::size_t count = 100'000;
};

}  // namespace elves::worker
