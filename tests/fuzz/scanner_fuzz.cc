// Any bytes from a peer: where a message ends does not depend on how the bytes are cut, and what is a whole
// message can be given to every decoder and service.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/inbox.h"
#include "wire/scanner.h"
#include "wire/service.h"

namespace {

using namespace elves;
using namespace elves::wire;
using Verdict = MessageScanner::Verdict;

constexpr MessageScanner::Limits limits{.max_bytes = std::size_t{64} << 10, .max_depth = 16};

void require(bool holds) {
  if (!holds) std::abort();
}

// Byte by byte: the verdict may come before the last byte, and then holds.
void scan_in_pieces(std::string_view bytes, const MessageScanner& whole, Verdict expected) {
  MessageScanner pieces(limits);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto verdict = pieces.scan(bytes.substr(0, n));
    if (verdict != Verdict::more) require(verdict == expected);
    if (verdict == Verdict::whole) require(n >= whole.size());
  }
  require(pieces.scan(bytes) == expected);
  if (expected == Verdict::whole) require(pieces.size() == whole.size());
  if (expected == Verdict::illegal) require(std::strcmp(pieces.fault(), whole.fault()) == 0);
}

struct Agent : AgentService {
  void invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) override {
    done({.flag = 1, .costtime = 0, .result = ins.param});
  }
  void invoke_async(std::vector<Instruction> instructions,
                    std::function<void(std::vector<Acceptance>)> done) override {
    done(std::vector<Acceptance>(instructions.size()));
  }
};

struct Sink : ResultSink {
  void deliver(AgentResult result, std::function<void(bool)> done) override { done(result.answer.flag == 1); }
};

// Whatever a service answers is itself a whole message.
void serve(const Server::Handler& handler, std::string_view message) {
  int answers = 0;
  handler(std::string(message), "fuzzer", [&answers](const std::string& answer) {
    require(++answers == 1);
    MessageScanner scanner({});
    require(answer.empty() || (scanner.scan(answer) == Verdict::whole && scanner.size() == answer.size()));
  });
  require(answers == 1);
}

void decode(std::string_view message) {
  (void)decode_invoke_sync_reply(message);
  (void)decode_invoke_async_reply(message);
  for (const auto* method : {"dataTransport", "runProcessor", "aliveCheck"})
    (void)decode_string_reply(message, method);
  Agent agent;
  Sink sink;
  serve(agent_service_handler(agent), message);
  serve(scheduler_service_handler(sink), message);
}

// As a connection would take them, framed or not.
void receive(std::string_view bytes, std::size_t piece) {
  Inbox inbox(limits, Inbox::Framing::detect);
  while (!bytes.empty()) {
    auto verdict = inbox.scan();
    for (; verdict == Verdict::whole; verdict = inbox.scan()) decode(inbox.take());
    if (verdict == Verdict::illegal) return;
    const auto space = inbox.space();
    const auto n = std::min({piece, bytes.size(), space.size()});
    if (n % 2 == 0) {
      inbox.add(bytes.substr(0, n));
    } else {
      std::memcpy(space.data(), bytes.data(), n);
      inbox.commit(n);
    }
    bytes.remove_prefix(n);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  MessageScanner whole(limits);
  const auto verdict = whole.scan(bytes);
  scan_in_pieces(bytes, whole, verdict);
  if (verdict == Verdict::whole) decode(bytes.substr(0, whole.size()));
  decode(bytes);
  receive(bytes, 1);
  receive(bytes, 1000);
  return 0;
}
