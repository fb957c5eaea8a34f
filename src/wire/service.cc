#include "wire/service.h"

#include <elves/AgentService.h>
#include <elves/SchedulerService.h>
#include <thrift/TApplicationException.h>

#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include "base/log.h"
#include "wire/thrift_io.h"

namespace elves::wire {

namespace {

using apache::thrift::TApplicationException;

// A call being answered. Copies answer the same call.
struct Call {
  std::string method;
  std::int32_t sequence = 0;
  std::string peer;
  std::function<void(std::string)> reply;

  template <class Answer>
  void answer(const Answer& answer) const {
    reply(encode_message(method, MessageType::T_REPLY, sequence, answer));
  }
  void refuse(TApplicationException::TApplicationExceptionType type, const std::string& why) const {
    reply(
        encode_message(method, MessageType::T_EXCEPTION, sequence, TApplicationException(type, brief(why))));
  }
  void hang_up() const { reply({}); }
};

using Method = std::function<void(MessageReader&, const Call&)>;
using Methods = std::map<std::string, Method, std::less<>>;

// A method whose arguments are the generated struct `Args`; `complete(args)` tells whether none is missing.
template <class Args, class Complete, class Run>
Method method(Complete complete, Run run) {
  return [complete, run](MessageReader& in, const Call& call) {
    Args args;
    try {
      in.read(args);
    } catch (const std::exception& fault) {
      return call.refuse(TApplicationException::PROTOCOL_ERROR, fault.what());
    }
    if (!complete(args)) return call.refuse(TApplicationException::PROTOCOL_ERROR, "missing argument");
    run(args, call);
  };
}

void run(const Methods& methods, MessageReader& in, const Call& call) {
  const auto found = methods.find(call.method);
  if (found == methods.end()) return call.refuse(TApplicationException::UNKNOWN_METHOD, "unknown method");
  try {
    found->second(in, call);
  } catch (const std::exception& fault) {
    log::error("{} failed: {}", call.method, fault.what());
    call.refuse(TApplicationException::INTERNAL_ERROR, "internal error");
  }
}

Server::Handler dispatch(Methods methods) {
  return [methods = std::move(methods)](const std::string& message, const std::string& peer,
                                        const std::function<void(std::string)>& reply) {
    try {
      MessageReader in(message);
      if (in.type() == MessageType::T_CALL) {
        return run(methods, in, {in.method(), in.sequence(), peer, reply});
      }
      log::debug("{}: a message that is no call", peer);
    } catch (const std::exception& fault) {
      log::debug("{}: {}", peer, fault.what());
    }
    reply({});
  };
}

template <class Answer>
void answer_success(const Call& call) {
  Answer answer;
  answer.success = "success";
  answer.__isset.success = true;
  call.answer(answer);
}

void invoke_sync(AgentService& service, thrift::AgentService_instructionInvokeSync_args& args,
                 const Call& call) {
  auto ins = from_wire(args.ins);
  auto echo = ins;
  service.invoke_sync(std::move(ins), [call, echo = std::move(echo)](WorkerAnswer worker) {
    thrift::AgentService_instructionInvokeSync_result answer;
    to_wire(result_of(echo, std::move(worker)), answer.success);
    answer.__isset.success = true;
    call.answer(answer);
  });
}

void answer_async(const Call& call, std::vector<Instruction> instructions, std::vector<Acceptance> answers) {
  if (answers.size() != instructions.size()) throw std::logic_error("one answer per instruction wanted");
  thrift::AgentService_instructionInvokeAsync_result answer;
  answer.success.resize(answers.size());
  answer.__isset.success = true;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto result = result_of(std::move(instructions[i]), std::move(answers[i].answer));
    result.reported = answers[i].reported;
    to_wire(std::move(result), answer.success[i]);
  }
  call.answer(answer);
}

void invoke_async(AgentService& service, thrift::AgentService_instructionInvokeAsync_args& args,
                  const Call& call) {
  std::vector<Instruction> instructions;
  instructions.reserve(args.insList.size());
  for (auto& ins : args.insList) instructions.push_back(from_wire(ins));
  auto echo = instructions;
  service.invoke_async(std::move(instructions),
                       [call, echo = std::move(echo)](std::vector<Acceptance> answers) mutable {
                         answer_async(call, std::move(echo), std::move(answers));
                       });
}

void data_transport(ResultSink& sink, thrift::SchedulerService_dataTransport_args& args, const Call& call) {
  auto result = from_wire(args.reins);
  result.peer = call.peer;
  sink.deliver(std::move(result), [call](bool kept) {
    if (!kept) return call.hang_up();
    answer_success<thrift::SchedulerService_dataTransport_result>(call);
  });
}

constexpr auto has_ins = [](const auto& args) { return args.__isset.ins; };
constexpr auto has_list = [](const auto& args) { return args.__isset.insList; };
constexpr auto has_reins = [](const auto& args) { return args.__isset.reins; };
constexpr auto has_all = [](const auto&) { return true; };

}  // namespace

Server::Handler agent_service_handler(AgentService& service) {
  return dispatch({
      {"instructionInvokeSync",
       method<thrift::AgentService_instructionInvokeSync_args>(
           has_ins, [&service](auto& args, const Call& call) { invoke_sync(service, args, call); })},
      {"instructionInvokeAsync",
       method<thrift::AgentService_instructionInvokeAsync_args>(
           has_list, [&service](auto& args, const Call& call) { invoke_async(service, args, call); })},
      {"aliveCheck",
       method<thrift::AgentService_aliveCheck_args>(
           has_all,
           [](auto&, const Call& call) { answer_success<thrift::AgentService_aliveCheck_result>(call); })},
  });
}

Server::Handler scheduler_service_handler(ResultSink& sink) {
  return dispatch({
      {"dataTransport",
       method<thrift::SchedulerService_dataTransport_args>(
           has_reins, [&sink](auto& args, const Call& call) { data_transport(sink, args, call); })},
  });
}

}  // namespace elves::wire
