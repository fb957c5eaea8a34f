#include "wire/codec.h"

#include <elves/AgentService.h>
#include <elves/SchedulerService.h>
#include <thrift/TApplicationException.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <optional>
#include <utility>

#include "wire/binary.h"
#include "wire/thrift_io.h"

namespace elves::wire {

namespace {

using apache::thrift::TApplicationException;
using binary::Type;

template <class Args>
std::string encode_call(const char* method, const Args& args) {
  return encode_message(method, MessageType::T_CALL, 0, args);
}

Error illegal(std::string_view why) { return {ErrorCode::agent_answer_illegal, brief(why)}; }

void begin_call(binary::Writer& out, std::string_view method) { out.message(method, MessageType::T_CALL, 0); }

std::string end_call(binary::Writer& out) {
  out.stop();
  return out.take();
}

// A little more than write(job) takes.
std::size_t bytes_of(const Job& job) { return 256 + job.param.size() + job.proxy.size(); }

// An Instruct.
void write(binary::Writer& out, const Job& job) {
  constexpr Seconds::rep longest = std::numeric_limits<std::int32_t>::max();
  out.field(1, job.wire_id());
  out.field(2, job.agent_ip);
  out.field(3, std::string_view(wire_name(job.type)));
  out.field(4, job.mode);
  out.field(5, job.app);
  out.field(6, job.func);
  out.field(7, job.param);
  out.field(8, static_cast<std::int32_t>(std::clamp<Seconds::rep>(job.timeout.count(), 0, longest)));
  out.field(9, job.proxy);
  out.field(10, job.log_id.text());
  if (job.may_be_repeat) out.yes(11);
  if (job.fingerprint != 0) out.field(12, HexText(job.fingerprint));
  out.stop();
}

// A Reinstruct: of the instruction only what it takes to know whose answer it is.
AgentAnswer read_answer(binary::Reader& in) {
  AgentAnswer read;
  const auto read_ins = [&](std::int16_t id, Type type) {
    if (id == 1 && type == Type::string) return read.id = in.string(), true;
    if (id == 13 && type == Type::boolean) return read.reported = in.boolean(), true;
    return false;
  };
  in.fields([&](std::int16_t id, Type type) {
    if (id == 1 && type == Type::structure) return in.fields(read_ins), true;
    if (id == 3 && type == Type::i32) return read.answer.flag = in.i32(), true;
    if (id == 4 && type == Type::i32) return read.answer.costtime = in.i32(), true;
    if (id == 5 && type == Type::string) return read.answer.result = in.string(), true;
    return false;
  });
  return read;
}

std::vector<AgentAnswer> read_answers(binary::Reader& in) {
  const auto count = in.list_of_structs();
  if (count > max_elements) throw binary::Reader::Malformed("too many answers");
  std::vector<AgentAnswer> all;
  all.reserve(std::min<std::size_t>(count, 1024));  // however many a few bytes announce
  for (std::size_t i = 0; i < count; ++i) all.push_back(read_answer(in));
  return all;
}

// What a TApplicationException says; kinds are Thrift's, and peers may have their own.
Error exception_in(binary::Reader& in) {
  std::string text;
  std::int32_t kind = 0;
  in.fields([&](std::int16_t id, Type type) {
    if (id == 1 && type == Type::string) return text = in.string(), true;
    if (id == 2 && type == Type::i32) return kind = in.i32(), true;
    return false;
  });
  if (!text.empty()) return illegal(text);
  if (kind == TApplicationException::UNKNOWN_METHOD) return illegal("the peer does not know the method");
  return illegal("Thrift exception of kind " + std::to_string(kind) + " without a text");
}

std::string read_string(binary::Reader& in) { return std::string(in.string()); }

// The answer to the call of `method`, of `type`, as `read` takes it.
template <class Value>
Result<Value> read_success(std::string_view message, std::string_view method, Type type,
                           Value (*read)(binary::Reader&)) {
  try {
    binary::Reader in(message);
    const auto head = in.message();
    if (head.method != method) return illegal("answer to another call: " + std::string(head.method));
    if (head.kind == MessageType::T_EXCEPTION) return exception_in(in);
    if (head.kind != MessageType::T_REPLY) return illegal("not an answer");
    std::optional<Value> value;
    in.fields([&](std::int16_t id, Type found) {
      if (id != 0 || found != type) return false;
      value = read(in);
      return true;
    });
    if (!in.at_end()) return illegal("not one whole message");
    if (!value) return illegal("answer without a result");
    return std::move(*value);
  } catch (const std::exception& fault) {
    return illegal(fault.what());
  }
}

}  // namespace

std::string encode_invoke_sync(const Job& job) {
  binary::Writer out(bytes_of(job));
  begin_call(out, "instructionInvokeSync");
  out.field(Type::structure, 1);
  write(out, job);
  return end_call(out);
}

std::string encode_invoke_async(std::span<const JobPtr> jobs) {
  std::size_t about = 0;
  for (const auto& job : jobs) about += bytes_of(*job);
  binary::Writer out(about);
  begin_call(out, "instructionInvokeAsync");
  out.field(Type::list, 1);
  out.list_of_structs(jobs.size());
  for (const auto& job : jobs) write(out, *job);
  return end_call(out);
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
  binary::Writer out(bytes_of(job) + answer.result.size());
  begin_call(out, "runProcessor");
  out.field(Type::structure, 1);
  out.field(Type::structure, 1);
  write(out, job);
  out.field(3, answer.flag);
  out.field(4, answer.costtime);
  out.field(5, answer.result);
  out.stop();
  return end_call(out);
}

Result<AgentAnswer> decode_invoke_sync_reply(std::string_view message) {
  return read_success(message, "instructionInvokeSync", Type::structure, read_answer);
}

Result<std::vector<AgentAnswer>> decode_invoke_async_reply(std::string_view message) {
  return read_success(message, "instructionInvokeAsync", Type::list, read_answers);
}

Result<std::string> decode_string_reply(std::string_view message, std::string_view method) {
  return read_success(message, method, Type::string, read_string);
}

}  // namespace elves::wire
