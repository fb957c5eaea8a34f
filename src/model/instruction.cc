#include "model/instruction.h"

#include <utility>

namespace elves {

AgentResult result_of(Instruction instruction, WorkerAnswer answer) {
  return {.id = std::move(instruction.id),
          .exec_id = std::move(instruction.exec_id),
          .ip = std::move(instruction.ip),
          .type = std::move(instruction.type),
          .mode = std::move(instruction.mode),
          .app = std::move(instruction.app),
          .func = std::move(instruction.func),
          .param = std::move(instruction.param),
          .proxy = std::move(instruction.proxy),
          .timeout = instruction.timeout,
          .request = std::move(instruction.request),
          .may_be_repeat = instruction.may_be_repeat,
          .reported = false,
          .answer = std::move(answer)};
}

}  // namespace elves
