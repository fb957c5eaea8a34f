#include <elves/AgentService.h>
#include <gtest/gtest.h>
#include <thrift/TApplicationException.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <memory>
#include <string>

#include "wire/codec.h"
#include "wire/service.h"

namespace elves::wire {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TMessageType;
using apache::thrift::transport::TMemoryBuffer;
using namespace std::string_literals;

template <class Body>
std::string message(const std::string& method, TMessageType type, const Body& body, int sequence = 0) {
  const auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol out(buffer);
  out.writeMessageBegin(method, type, sequence);
  body.write(&out);
  return buffer->getBufferAsString();
}

Job some_job() {
  Job job;
  job.log_id = LogId(0xABCDEF);
  job.type = JobType::cron;
  job.id = "42";
  job.rand_id = "r1";
  job.agent_ip = "127.0.0.9";
  job.mode = "sap";
  job.app = "app";
  job.func = "func";
  job.param = "any \0 bytes \xff\xfe \xe4\xbd\xa0"s;
  job.proxy = "python|x.py";
  job.timeout = Seconds(90);
  job.fingerprint = 0xFF;
  return job;
}

// An agent that answers at once, and remembers what it was given.
struct EchoAgent : AgentService {
  void invoke_sync(Instruction ins, std::function<void(WorkerAnswer)> done) override {
    seen.push_back(std::move(ins));
    done(answer);
  }
  void invoke_async(std::vector<Instruction> instructions,
                    std::function<void(std::vector<Acceptance>)> done) override {
    seen = instructions;
    done(std::vector<Acceptance>(instructions.size(), Acceptance{.answer = answer, .reported = reported}));
  }
  std::vector<Instruction> seen;
  bool reported = false;
  WorkerAnswer answer{.flag = 1, .costtime = 12, .result = "res\0ult"s};
};

struct KeepAll : ResultSink {
  void deliver(AgentResult result, std::function<void(bool)> done) override {
    seen.push_back(std::move(result));
    done(kept);
  }
  std::vector<AgentResult> seen;
  bool kept = true;
};

std::string answer_to(const Server::Handler& handler, std::string call) {
  std::string answer = "none";
  handler(std::move(call), "127.0.0.1", [&](std::string bytes) { answer = std::move(bytes); });
  return answer;
}

void expect_same(const AgentAnswer& got, const Job& job, const WorkerAnswer& answer) {
  EXPECT_EQ(got.id, job.wire_id().text());
  EXPECT_EQ(got.answer, answer);
}

TEST(Codec, ASynchronousCallComesBackAsItWent) {
  EchoAgent agent;
  const auto job = some_job();
  const auto reply =
      decode_invoke_sync_reply(answer_to(agent_service_handler(agent), encode_invoke_sync(job)));
  ASSERT_TRUE(reply) << reply.error().detail;
  expect_same(*reply, job, agent.answer);
  ASSERT_EQ(agent.seen.size(), 1U);
  const Instruction expected{.id = "42:r1",
                             .ip = job.agent_ip,
                             .type = "cron",
                             .mode = "sap",
                             .app = "app",
                             .func = "func",
                             .param = job.param,
                             .timeout = 90,
                             .proxy = job.proxy,
                             .exec_id = "0000000000ABCDEF",
                             .may_be_repeat = false,
                             .request = "00000000000000FF"};
  EXPECT_EQ(agent.seen[0], expected);
}

TEST(Codec, ARepeatIsMarked) {
  EchoAgent agent;
  auto job = some_job();
  job.may_be_repeat = true;
  answer_to(agent_service_handler(agent), encode_invoke_sync(job));
  ASSERT_EQ(agent.seen.size(), 1U);
  EXPECT_TRUE(agent.seen[0].may_be_repeat);
}

TEST(Codec, AnAcceptanceTellsThatTheResultWasReported) {
  EchoAgent agent;
  const std::vector<JobPtr> jobs{std::make_shared<Job>(some_job())};
  const auto accept = [&] {
    return decode_invoke_async_reply(answer_to(agent_service_handler(agent), encode_invoke_async(jobs)));
  };
  EXPECT_FALSE(accept()->front().reported);
  agent.reported = true;
  EXPECT_TRUE(accept()->front().reported);
}

TEST(Codec, AnAsynchronousCallComesBackInOrder) {
  EchoAgent agent;
  std::vector<JobPtr> jobs;
  for (int i = 0; i < 5; ++i) {
    auto job = some_job();
    job.id = std::to_string(i);
    jobs.push_back(std::make_shared<Job>(job));
  }
  const auto reply =
      decode_invoke_async_reply(answer_to(agent_service_handler(agent), encode_invoke_async(jobs)));
  ASSERT_TRUE(reply) << reply.error().detail;
  ASSERT_EQ(reply->size(), jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) expect_same((*reply)[i], *jobs[i], agent.answer);
}

TEST(Codec, AResultIsDeliveredAsItWasSent) {
  KeepAll sink;
  Instruction ins;
  ins.id = "1";
  ins.ip = "::1";
  ins.type = "queue";
  ins.exec_id = "E";
  const auto result = result_of(ins, {.flag = -1, .costtime = 5, .result = "why"});
  const auto answer = answer_to(scheduler_service_handler(sink), encode_data_transport(result));
  EXPECT_EQ(*decode_string_reply(answer, "dataTransport"), "success");
  ASSERT_EQ(sink.seen.size(), 1U);
  EXPECT_EQ(sink.seen[0].id, "1");
  EXPECT_EQ(sink.seen[0].exec_id, "E");
  EXPECT_EQ(sink.seen[0].answer, result.answer);
}

TEST(Codec, WhatAnOldPeerLeavesOutIsEmpty) {
  // Reinstruct{1: Instruct{1: "x"}, 3: 1} and nothing else, as a reply.
  const auto reply =
      "\x80\x01\x00\x02\x00\x00\x00\x15instructionInvokeSync\x00\x00\x00\x00"
      "\x0c\x00\x00\x0c\x00\x01\x0b\x00\x01\x00\x00\x00\x01x\x00\x08\x00\x03\x00\x00\x00\x01\x00\x00"s;
  const auto result = decode_invoke_sync_reply(reply);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->id, "x");
  EXPECT_EQ(result->answer, (WorkerAnswer{.flag = 1, .costtime = 0, .result = ""}));
}

TEST(Codec, AnExceptionIsAnErrorWithItsText) {
  const auto reply = message("aliveCheck", TMessageType::T_EXCEPTION,
                             TApplicationException(TApplicationException::UNKNOWN_METHOD, "no such thing"));
  EXPECT_EQ(decode_string_reply(reply, "aliveCheck").error(),
            (Error{ErrorCode::agent_answer_illegal, "no such thing"}));
}

TEST(Codec, AnExceptionWithoutATextTellsItsKind) {
  const auto detail_of = [](int kind) {
    auto reply = message("aliveCheck", TMessageType::T_EXCEPTION, TApplicationException());
    // Its type is the last field: four bytes before the struct's stop.
    reply[reply.size() - 2] = static_cast<char>(kind);
    return decode_string_reply(reply, "aliveCheck").error().detail;
  };
  EXPECT_EQ(detail_of(TApplicationException::UNKNOWN_METHOD), "the peer does not know the method");
  EXPECT_EQ(detail_of(58), "Thrift exception of kind 58 without a text")
      << "a kind that Thrift does not have";
}

TEST(Codec, WhatIsNoAnswerToTheCallIsAnError) {
  EchoAgent agent;
  const auto good = answer_to(agent_service_handler(agent), encode_invoke_sync(some_job()));
  EXPECT_EQ(decode_invoke_async_reply(good).error().code, ErrorCode::agent_answer_illegal)
      << "another method";
  EXPECT_EQ(decode_invoke_sync_reply(encode_invoke_sync(some_job())).error().code,
            ErrorCode::agent_answer_illegal)
      << "a call";
  EXPECT_EQ(decode_invoke_sync_reply(good + "x").error().code, ErrorCode::agent_answer_illegal)
      << "trailing bytes";
  const thrift::AgentService_instructionInvokeSync_result empty;
  const auto no_result = message("instructionInvokeSync", TMessageType::T_REPLY, empty);
  EXPECT_EQ(decode_invoke_sync_reply(no_result).error().code, ErrorCode::agent_answer_illegal) << "no result";
  for (std::size_t n = 0; n < good.size(); ++n) {
    ASSERT_EQ(decode_invoke_sync_reply(good.substr(0, n)).error().code, ErrorCode::agent_answer_illegal) << n;
  }
}

TEST(Codec, AFewBytesCannotTakeMuchMemory) {
  // A list of ten million empty structs is ten million bytes on the wire, gigabytes as Reinstructs.
  auto reply = "\x80\x01\x00\x02\x00\x00\x00\x16instructionInvokeAsync\x00\x00\x00\x00\x0f\x00\x00\x0c"s;
  const std::uint32_t count = 10'000'000;
  reply += {static_cast<char>(count >> 24), static_cast<char>(count >> 16), static_cast<char>(count >> 8),
            static_cast<char>(count)};
  reply += std::string(count + 1, '\0');
  EXPECT_EQ(decode_invoke_async_reply(reply).error().code, ErrorCode::agent_answer_illegal);
}

// The sequence id, type and exception text of an answer.
struct Answer {
  TMessageType type{};
  int sequence = 0;
  std::string method;
  int exception = -1;
};

Answer parse(std::string bytes) {
  const auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<std::uint8_t*>(bytes.data()),
                                                      static_cast<std::uint32_t>(bytes.size()));
  TBinaryProtocol in(buffer);
  Answer answer;
  in.readMessageBegin(answer.method, answer.type, answer.sequence);
  if (answer.type == TMessageType::T_EXCEPTION) {
    TApplicationException exception;
    exception.read(&in);
    answer.exception = exception.getType();
  }
  return answer;
}

TEST(Service, KeepsTheSequenceId) {
  EchoAgent agent;
  const auto call = message("aliveCheck", TMessageType::T_CALL, thrift::AgentService_aliveCheck_args(), 4711);
  const auto bytes = answer_to(agent_service_handler(agent), call);
  const auto answer = parse(bytes);
  EXPECT_EQ(answer.sequence, 4711);
  EXPECT_EQ(answer.type, TMessageType::T_REPLY);
  EXPECT_EQ(*decode_string_reply(bytes, "aliveCheck"), "success");
}

TEST(Service, RefusesWhatItDoesNotKnow) {
  KeepAll sink;
  const auto answer = parse(answer_to(scheduler_service_handler(sink), encode_alive_check()));
  EXPECT_EQ(answer.method, "aliveCheck");
  EXPECT_EQ(answer.type, TMessageType::T_EXCEPTION);
  EXPECT_EQ(answer.exception, TApplicationException::UNKNOWN_METHOD);
}

TEST(Service, RefusesArgumentsThatDoNotParseOrAreMissing) {
  EchoAgent agent;
  const auto handler = agent_service_handler(agent);
  const auto call = encode_invoke_sync(some_job());
  EXPECT_EQ(answer_to(handler, call.substr(0, call.size() - 3)), "") << "no whole message, and so no call";
  const auto list = "\x0f\x00\x01\x0c\x00\x02\x00\x00"s + std::string(0x20000 + 1, '\0');
  const auto long_list = "\x80\x01\x00\x01\x00\x00\x00\x16instructionInvokeAsync\x00\x00\x00\x00"s + list;
  EXPECT_EQ(parse(answer_to(handler, long_list)).exception, TApplicationException::PROTOCOL_ERROR);
  const auto none =
      message("instructionInvokeSync", TMessageType::T_CALL, thrift::AgentService_aliveCheck_args());
  EXPECT_EQ(parse(answer_to(handler, none)).exception, TApplicationException::PROTOCOL_ERROR);
  EXPECT_TRUE(agent.seen.empty());
}

TEST(Service, AnswersNothingToWhatIsNoCall) {
  EchoAgent agent;
  const auto handler = agent_service_handler(agent);
  const thrift::AgentService_aliveCheck_args args;
  EXPECT_EQ(answer_to(handler, message("aliveCheck", TMessageType::T_ONEWAY, args)), "");
  EXPECT_EQ(answer_to(handler, message("aliveCheck", TMessageType::T_REPLY, args)), "");
  EXPECT_EQ(answer_to(handler, "garbage"), "");
}

TEST(Service, AResultThatWasNotKeptClosesTheConnection) {
  KeepAll sink;
  sink.kept = false;
  EXPECT_EQ(answer_to(scheduler_service_handler(sink), encode_data_transport({})), "");
}

TEST(Service, AFaultBehindItIsAnInternalError) {
  struct Broken : ResultSink {
    void deliver(AgentResult, std::function<void(bool)>) override { throw std::runtime_error("broken"); }
  } broken;
  const auto answer = parse(answer_to(scheduler_service_handler(broken), encode_data_transport({})));
  EXPECT_EQ(answer.exception, TApplicationException::INTERNAL_ERROR);
}

}  // namespace
}  // namespace elves::wire
