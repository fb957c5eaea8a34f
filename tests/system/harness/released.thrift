// The Thrift contract as the released peers know it: fields 10 and up are unknown to them.
namespace py released

struct Instruct {
  1: string id,
  2: string ip,
  3: string type,
  4: string mode,
  5: string app,
  6: string func,
  7: string param,
  8: i32 timeout,
  9: string proxy,
}

struct Reinstruct {
  1: Instruct ins,
  3: i32 flag,
  4: i32 costtime,
  5: string result,
}

service SchedulerService {
  string dataTransport(1: Reinstruct reins),
}

service AgentService {
  list<Reinstruct> instructionInvokeAsync(1: list<Instruct> insList),
  Reinstruct instructionInvokeSync(1: Instruct ins),
  string aliveCheck(),
}

service AppService {
  string runProcessor(1: Reinstruct reins),
}
