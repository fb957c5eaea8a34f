// Thrift answers cut from the bytes of the calls: what an agent costs at least. Messages are whole and
// unframed (wire/inbox.h), of the methods in idl/elves.thrift.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace elves::bench {

struct AgentCall {
  bool synchronous = false;
  std::string_view name_and_sequence;          // as they stand in the message
  std::vector<std::string_view> instructions;  // each an Instruct with its stop byte
};

// nullopt: neither instructionInvokeSync nor instructionInvokeAsync, or not as the scheduler writes them. The
// views are into `message`.
std::optional<AgentCall> read_call(std::string_view message);

// The answer to it: each instruction echoed with flag 1, and `result` if it is synchronous.
std::string write_answer(const AgentCall& call, std::string_view result);

// A dataTransport call with the result of an instruction.
std::string write_data_transport(std::string_view instruction, std::string_view result);

}  // namespace elves::bench
