#include "wire/codec.h"

#include <elves/AgentService.h>
#include <elves/AppService.h>
#include <elves/SchedulerService.h>
#include <thrift/TApplicationException.h>

#include <exception>
#include <utility>

#include "wire/thrift_io.h"

namespace elves::wire {

namespace {

using apache::thrift::TApplicationException;

template <class Args>
std::string encode_call(const char* method, const Args& args) {
  return encode_message(method, MessageType::T_CALL, 0, args);
}

Error illegal(std::string_view why) { return {ErrorCode::agent_answer_illegal, brief(why)}; }

// `Answer` is the generated reader of the method's answer, `Value` what it reads into.
template <class Answer, class Value>
Result<Value> read_reply(std::string_view message, std::string_view method) {
  try {
    MessageReader in(message);
    if (in.method() != method) return illegal("answer to another call: " + in.method());
    if (in.type() == MessageType::T_EXCEPTION) {
      TApplicationException exception;
      in.read(exception);
      return illegal(exception.what());
    }
    if (in.type() != MessageType::T_REPLY) return illegal("not an answer");
    Value value;
    Answer answer;
    answer.success = &value;
    in.read(answer);
    if (!answer.__isset.success) return illegal("answer without a result");
    return value;
  } catch (const std::exception& fault) {
    return illegal(fault.what());
  }
}

}  // namespace

std::string encode_invoke_sync(const Job& job) {
  const auto ins = to_wire(job);
  thrift::AgentService_instructionInvokeSync_pargs args;
  args.ins = &ins;
  return encode_call("instructionInvokeSync", args);
}

std::string encode_invoke_async(std::span<const JobPtr> jobs) {
  std::vector<thrift::Instruct> instructions;
  instructions.reserve(jobs.size());
  for (const auto& job : jobs) instructions.push_back(to_wire(*job));
  thrift::AgentService_instructionInvokeAsync_pargs args;
  args.insList = &instructions;
  return encode_call("instructionInvokeAsync", args);
}

std::string encode_alive_check() {
  return encode_call("aliveCheck", thrift::AgentService_aliveCheck_pargs());
}

std::string encode_data_transport(const AgentResult& result) {
  thrift::Reinstruct reins;
  to_wire(result, reins);
  thrift::SchedulerService_dataTransport_pargs args;
  args.reins = &reins;
  return encode_call("dataTransport", args);
}

std::string encode_run_processor(const Job& job, const WorkerAnswer& answer) {
  thrift::Reinstruct reins;
  to_wire(job, answer, reins);
  thrift::AppService_runProcessor_pargs args;
  args.reins = &reins;
  return encode_call("runProcessor", args);
}

Result<AgentResult> decode_invoke_sync_reply(std::string_view message) {
  auto reins = read_reply<thrift::AgentService_instructionInvokeSync_presult, thrift::Reinstruct>(
      message, "instructionInvokeSync");
  if (!reins) return reins.error();
  return from_wire(*reins);
}

Result<std::vector<AgentResult>> decode_invoke_async_reply(std::string_view message) {
  auto all = read_reply<thrift::AgentService_instructionInvokeAsync_presult, std::vector<thrift::Reinstruct>>(
      message, "instructionInvokeAsync");
  if (!all) return all.error();
  std::vector<AgentResult> results;
  results.reserve(all->size());
  for (auto& reins : *all) results.push_back(from_wire(reins));
  return results;
}

Result<std::string> decode_string_reply(std::string_view message, std::string_view method) {
  // Every method that answers a string is read alike.
  return read_reply<thrift::SchedulerService_dataTransport_presult, std::string>(message, method);
}

}  // namespace elves::wire
