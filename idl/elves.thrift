// The Thrift contract between elves-scheduler, elves-agent and the apps' processors.
// Source: docs/protocol.md, section "Thrift". Field ids are fixed by the peers in the field: never renumber.
namespace cpp elves.thrift
namespace py elves

// One instruction for an agent.
struct Instruct {
  1: string id,       // asynchronous: the initiator's id, or id:rand_id; synchronous: the log id
  2: string ip,       // the agent the instruction is for
  3: string type,     // rt | cron | queue
  4: string mode,     // as requested: sap | ssp | sanp | ssnp | P | NP
  5: string app,
  6: string func,
  7: string param,    // byte for byte as requested
  8: i32 timeout,     // seconds
  9: string proxy,

  // Additions of this scheduler. Old peers skip them and do not send them back: nothing may depend on their return.
  10: optional string exec_id,     // the log id: names this one execution, where a cron's id repeats
  11: optional bool may_be_repeat, // to an agent: the scheduler cannot rule out that this execution was sent before,
                                   // perhaps by another scheduler and with another exec_id. Back from an agent: the
                                   // execution was sent more than once, so another scheduler may wait for it
  12: optional string request,     // 16 hex digits, of the message that asked: the same when it is delivered again
  13: optional bool reported,      // only back from instructionInvokeAsync: this execution was taken before, and a
                                   // scheduler has its result already; it does not come again
}

// What became of an instruction. There is no field 2.
struct Reinstruct {
  1: Instruct ins,
  3: i32 flag,      // 1 worker succeeded, 0 worker reported failure, -1 the agent could not run it
  4: i32 costtime,  // milliseconds
  5: string result,
}

service SchedulerService {
  // Takes the result of an asynchronous instruction; answers "success" once it is kept.
  string dataTransport(1: Reinstruct reins),
}

service AgentService {
  // Accepts instructions to run later; one Reinstruct each, flag 1 = accepted.
  list<Reinstruct> instructionInvokeAsync(1: list<Instruct> insList),
  // Runs one instruction and answers with its result.
  Reinstruct instructionInvokeSync(1: Instruct ins),
  // Answers "success".
  string aliveCheck(),
}

service AppService {
  // Hands a worker's result to the app's processor.
  string runProcessor(1: Reinstruct reins),
}
