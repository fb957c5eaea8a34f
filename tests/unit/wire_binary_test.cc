// What is written and read by hand, against the generated code.
#include <elves/AgentService.h>
#include <elves/AppService.h>
#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <memory>
#include <string>

#include "wire/binary.h"
#include "wire/codec.h"

namespace elves::wire {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TMessageType;
using apache::thrift::transport::TMemoryBuffer;
using namespace std::string_literals;

template <class Body>
std::string generated(const std::string& method, TMessageType type, const Body& body) {
  const auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol out(buffer);
  out.writeMessageBegin(method, type, 0);
  body.write(&out);
  return buffer->getBufferAsString();
}

Job cron_job() {
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
  return job;
}

std::vector<Job> jobs_of_all_kinds() {
  std::vector<Job> all{cron_job(), cron_job(), cron_job(), Job{}};
  all[1].fingerprint = 0xFEDCBA9876543210;
  all[1].may_be_repeat = true;
  all[1].timeout = Seconds(5'000'000'000);
  all[2].type = JobType::sync;
  all[2].param = std::string(100'000, 'p');
  return all;
}

thrift::Instruct instruct(const Job& job) {
  thrift::Instruct ins;
  ins.id = job.wire_id().text();
  ins.ip = job.agent_ip;
  ins.type = wire_name(job.type);
  ins.mode = job.mode;
  ins.app = job.app;
  ins.func = job.func;
  ins.param = job.param;
  ins.timeout = job.timeout > Seconds(INT32_MAX) ? INT32_MAX : static_cast<int>(job.timeout.count());
  ins.proxy = job.proxy;
  ins.__set_exec_id(std::string(job.log_id.text()));
  if (job.may_be_repeat) ins.__set_may_be_repeat(true);
  if (job.fingerprint != 0) ins.__set_request(job.request());
  return ins;
}

TEST(Binary, CallsAreTheGeneratedCodesBytes) {
  std::vector<thrift::Instruct> all;
  std::vector<JobPtr> jobs;
  for (const Job& job : jobs_of_all_kinds()) {
    const auto ins = instruct(job);
    thrift::AgentService_instructionInvokeSync_pargs sync;
    sync.ins = &ins;
    EXPECT_EQ(encode_invoke_sync(job), generated("instructionInvokeSync", TMessageType::T_CALL, sync));

    const WorkerAnswer answer{.flag = -1, .costtime = 70'000, .result = "res\0ult"s};
    thrift::Reinstruct reins;
    reins.ins = ins;
    reins.flag = answer.flag;
    reins.costtime = answer.costtime;
    reins.result = answer.result;
    thrift::AppService_runProcessor_pargs processor;
    processor.reins = &reins;
    EXPECT_EQ(encode_run_processor(job, answer), generated("runProcessor", TMessageType::T_CALL, processor));
    all.push_back(ins);
    jobs.push_back(std::make_shared<Job>(job));
  }
  thrift::AgentService_instructionInvokeAsync_pargs async;
  async.insList = &all;
  EXPECT_EQ(encode_invoke_async(jobs), generated("instructionInvokeAsync", TMessageType::T_CALL, async));
}

// Fields nobody knows, of every type, before, between and after those that are known, and in each struct.
TEST(Binary, UnknownFieldsAreSkipped) {
  const auto unknown =
      "\x02\x00\x50\x01"
      "\x03\x00\x51\x07"
      "\x04\x00\x52\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x06\x00\x53\x00\x01"
      "\x08\x00\x05\x00\x00\x00\x01"  // known by its number, of another type
      "\x0a\x00\x55\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x0b\x00\x56\x00\x00\x00\x02xx"
      "\x0c\x00\x57\x0b\x00\x01\x00\x00\x00\x01y\x00"
      "\x0d\x00\x58\x0b\x08\x00\x00\x00\x01\x00\x00\x00\x01k\x00\x00\x00\x07"
      "\x0e\x00\x59\x0c\x00\x00\x00\x02\x00\x00"
      "\x0f\x00\x5a\x08\x00\x00\x00\x01\x00\x00\x00\x07"
      "\x0f\x00\x5b\x00\x00\x00\x00\x00"s;
  const auto ins = unknown + "\x0b\x00\x01\x00\x00\x00\x02id"s + unknown + "\x02\x00\x0d\x01\x00"s;
  const auto reins = unknown + "\x0c\x00\x01"s + ins + "\x08\x00\x03\x00\x00\x00\x01"s +
                     "\x08\x00\x04\x00\x00\x00\x09"s + "\x0b\x00\x05\x00\x00\x00\x03res"s + unknown + "\0"s;
  const auto reply = "\x80\x01\x00\x02\x00\x00\x00\x15instructionInvokeSync\x00\x00\x00\x00"s + unknown +
                     "\x0c\x00\x00"s + reins + unknown + "\0"s;
  const auto answer = decode_invoke_sync_reply(reply);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->id, "id");
  EXPECT_TRUE(answer->reported);
  EXPECT_EQ(answer->answer, (WorkerAnswer{.flag = 1, .costtime = 9, .result = "res"}));
  for (std::size_t n = 0; n < reply.size(); ++n) {
    ASSERT_EQ(decode_invoke_sync_reply(reply.substr(0, n)).error().code, ErrorCode::agent_answer_illegal)
        << n;
  }
}

TEST(Binary, WhatNoGeneratedCodeWritesIsRefused) {
  const auto reply = [](const std::string& body) {
    return decode_invoke_sync_reply(
        "\x80\x01\x00\x02\x00\x00\x00\x15instructionInvokeSync\x00\x00\x00\x00\x0c\x00\x00"s + body +
        "\0\0"s);
  };
  EXPECT_TRUE(reply(""));
  EXPECT_FALSE(reply("\x01\x00\x01"s)) << "no such type";
  EXPECT_FALSE(reply("\x0b\x00\x09\xff\xff\xff\xff"s)) << "a negative size";
  EXPECT_FALSE(reply("\x0f\x00\x09\x01\x00\x00\x00\x01"s)) << "a list of no such type";
  EXPECT_FALSE(reply("\x0f\x00\x09\x0c\x7f\xff\xff\xff"s)) << "more elements than bytes";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "\x0c\x00\x09"s;
  EXPECT_FALSE(reply(deep + std::string(100'000, '\0'))) << "nested too deep";
}

}  // namespace
}  // namespace elves::wire
