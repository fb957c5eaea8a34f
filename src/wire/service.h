// The two Thrift services this project offers, as handlers for wire::Server: an agent's AgentService and the
// scheduler's SchedulerService. Both know the wire; what a call means is behind AgentService and ResultSink.
//
// Common to both: the answer carries the call's sequence id; a method that the service does not have is
// answered with TApplicationException "unknown method", arguments that do not parse or are missing with
// "protocol error", a C++ exception from behind the interface with "internal error". What is no call
// (one-way, reply, no Thrift message) closes the connection. The services are kept by reference and must
// outlive the server and all its calls. Loop thread only.
#pragma once

#include <functional>
#include <vector>

#include "model/instruction.h"
#include "model/outcome.h"
#include "wire/server.h"

namespace elves::wire {

// What an agent does.
struct AgentService {
  virtual ~AgentService() = default;
  // Runs one instruction. `done` is called once, at any later time or within the call; when it is dropped
  // without being called, the scheduler's connection is closed.
  virtual void invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) = 0;
  // Takes instructions to run later. `done` is called once with one answer each, in their order, as above.
  virtual void invoke_async(std::vector<Instruction> instructions,
                            std::function<void(std::vector<Acceptance>)> done) = 0;
};

// instructionInvokeSync, instructionInvokeAsync, and aliveCheck, which answers "success". Answers echo the
// instructions.
Server::Handler agent_service_handler(AgentService& service);

// Where the results of asynchronous instructions go.
struct ResultSink {
  virtual ~ResultSink() = default;
  // `result.peer` is set. `done(true)` once the result is durable: the agent hears "success". `done(false)`,
  // or `done` dropped, closes the agent's connection, so that it tries again. At any later time or within the
  // call.
  virtual void deliver(AgentResult result, std::function<void(bool kept)> done) = 0;
};

// dataTransport.
Server::Handler scheduler_service_handler(ResultSink& sink);

}  // namespace elves::wire
