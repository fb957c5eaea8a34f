// Between this program's values and Thrift messages in memory: what every job passes by hand, byte for byte
// as the generated code would, the rest through it. Pure functions. Instruct, Reinstruct and the services:
// idl/elves.thrift, docs/protocol.md "Thrift".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/job.h"
#include "model/outcome.h"

namespace elves::wire {

// Calls, as bytes to send unframed.
std::string encode_invoke_sync(const Job& job);
std::string encode_invoke_async(std::span<const JobPtr> jobs);
std::string encode_alive_check();
std::string encode_data_transport(const AgentResult& result);
std::string encode_run_processor(const Job& job, const WorkerAnswer& answer);

// What an agent answers to one instruction.
struct AgentAnswer {
  std::string id;         // Instruct.id, as it echoes it
  bool reported = false;  // only in an acceptance: taken before, and a scheduler has the result already
  WorkerAnswer answer;
};

// Answers to them. agent_answer_illegal when the bytes are no such answer.
Result<AgentAnswer> decode_invoke_sync_reply(std::string_view message);
Result<std::vector<AgentAnswer>> decode_invoke_async_reply(std::string_view message);
// The string that dataTransport, runProcessor or aliveCheck (by `method`) answered. A TApplicationException
// is an error whose detail is its text.
Result<std::string> decode_string_reply(std::string_view message, std::string_view method);

}  // namespace elves::wire
