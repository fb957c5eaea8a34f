#include "wire/thrift_io.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "wire/scanner.h"

namespace elves::wire {

namespace {

using apache::thrift::TConfiguration;
using apache::thrift::protocol::TProtocolException;
using apache::thrift::transport::TMemoryBuffer;

constexpr std::size_t brief_length = 256;

std::int32_t int_size(std::size_t size) {
  return static_cast<std::int32_t>(std::min<std::size_t>(size, std::numeric_limits<std::int32_t>::max()));
}

// Generated code trusts the types and nesting that it reads: only what the scanner has passed may reach it.
void require_whole(std::string_view message) {
  MessageScanner scanner({.max_bytes = message.size()});
  const auto verdict = scanner.scan(message);
  if (verdict == MessageScanner::Verdict::whole && !scanner.lists_structs()) {
    throw TProtocolException(TProtocolException::INVALID_DATA, "a list of something else than structs");
  }
  if (verdict == MessageScanner::Verdict::whole && scanner.size() == message.size()) return;
  const bool illegal = verdict == MessageScanner::Verdict::illegal;
  throw TProtocolException(TProtocolException::INVALID_DATA,
                           illegal ? scanner.fault() : "not one whole message");
}

std::shared_ptr<TMemoryBuffer> observe(std::string_view message) {
  require_whole(message);
  const auto size = int_size(message.size());
  const auto limits = std::make_shared<TConfiguration>(size, size);
  // TMemoryBuffer does not write to what it observes.
  auto* bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(message.data()));
  return std::make_shared<TMemoryBuffer>(bytes, static_cast<std::uint32_t>(size), TMemoryBuffer::OBSERVE,
                                         limits);
}

}  // namespace

MessageReader::MessageReader(std::string_view message) : in_(observe(message), 0, max_elements, true, true) {
  in_.readMessageBegin(method_, type_, sequence_);
}

std::string brief(std::string_view text) {
  if (text.size() <= brief_length) return std::string(text);
  auto end = brief_length;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

Instruction from_wire(thrift::Instruct& ins) {
  return {.id = std::move(ins.id),
          .ip = std::move(ins.ip),
          .type = std::move(ins.type),
          .mode = std::move(ins.mode),
          .app = std::move(ins.app),
          .func = std::move(ins.func),
          .param = std::move(ins.param),
          .timeout = ins.timeout,
          .proxy = std::move(ins.proxy),
          .exec_id = std::move(ins.exec_id),
          .may_be_repeat = ins.may_be_repeat,
          .request = std::move(ins.request)};
}

void to_wire(AgentResult result, thrift::Reinstruct& out) {
  auto& ins = out.ins;
  ins.id = std::move(result.id);
  ins.ip = std::move(result.ip);
  ins.type = std::move(result.type);
  ins.mode = std::move(result.mode);
  ins.app = std::move(result.app);
  ins.func = std::move(result.func);
  ins.param = std::move(result.param);
  ins.timeout = result.timeout;
  ins.proxy = std::move(result.proxy);
  if (!result.exec_id.empty()) ins.__set_exec_id(result.exec_id);
  if (!result.request.empty()) ins.__set_request(result.request);
  if (result.may_be_repeat) ins.__set_may_be_repeat(true);
  if (result.reported) ins.__set_reported(true);
  out.flag = result.answer.flag;
  out.costtime = result.answer.costtime;
  out.result = std::move(result.answer.result);
}

AgentResult from_wire(thrift::Reinstruct& reins) {
  auto answer =
      WorkerAnswer{.flag = reins.flag, .costtime = reins.costtime, .result = std::move(reins.result)};
  return result_of(from_wire(reins.ins), std::move(answer));
}

}  // namespace elves::wire
