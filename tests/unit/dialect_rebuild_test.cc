// Jobs rebuilt from what an agent brings back.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dialect/envelope.h"

namespace elves::dialect {
namespace {

AgentResult agent_result() {
  return {.id = "id-1:rand-1",
          .exec_id = "00000000000000aB",
          .ip = "1.2.3.4",
          .type = "cron",
          .mode = "sap",
          .app = "a",
          .func = "f",
          .param = "p",
          .proxy = "x",
          .timeout = 9,
          .answer = {}};
}

TEST(DialectRebuild, WhatCrossesThriftIsEnough) {
  const Result<Job> rebuilt = rebuild_job(agent_result());
  ASSERT_TRUE(rebuilt);
  const Job& job = *rebuilt;
  EXPECT_EQ(job.id, "id-1");
  EXPECT_EQ(job.rand_id, "rand-1");
  EXPECT_EQ(job.type, JobType::cron);
  EXPECT_EQ(job.dialect, Dialect::flat);
  EXPECT_EQ(job.log_id, LogId(0xAB));
  EXPECT_EQ(job.agent_ip, "1.2.3.4");
  EXPECT_EQ(job.mode, "sap");
  EXPECT_EQ(job.app, "a");
  EXPECT_EQ(job.func, "f");
  EXPECT_EQ(job.param, "p");
  EXPECT_EQ(job.proxy, "x");
  EXPECT_EQ(job.timeout, Seconds(9));
  EXPECT_TRUE(job.announce);
  EXPECT_FALSE(job.reply);
  EXPECT_EQ(job.wire_id().text(), "id-1:rand-1");
}

TEST(DialectRebuild, DialectAndIds) {
  struct Case {
    const char *mode, *wire_id, *id, *rand_id;
    Dialect dialect;
  };
  const std::vector<Case> cases = {
      {"", "a", "a", "", Dialect::flat},      {"sanp", "a:b:c", "a:b", "c", Dialect::flat},
      {"P", "a:b", "a:b", "", Dialect::body}, {"np", "a", "a", "", Dialect::body},
      {"Np", "a:", "a:", "", Dialect::body},  {"other", "a:b", "a", "b", Dialect::flat}};
  for (const Case& c : cases) {
    AgentResult result = agent_result();
    result.mode = c.mode;
    result.id = c.wire_id;
    const Result<Job> job = rebuild_job(result);
    ASSERT_TRUE(job) << c.wire_id;
    EXPECT_EQ(job->dialect, c.dialect) << c.mode;
    EXPECT_EQ(job->id, c.id);
    EXPECT_EQ(job->rand_id, c.rand_id);
  }
}

TEST(DialectRebuild, EveryAcceptedAsynchronousJobComesBack) {
  for (const char* mode : {"", "sap", "SSNP"}) {
    for (const char* ids :
         {R"("id":"a")", R"("id":"a","rand_id":"b")", R"("id":"a:b:c","rand_id":"d")", R"("id":7)"}) {
      const std::string body =
          std::string(R"({"mqkey":"o.scheduler.sendAsync","mqtype":"cast","agent_ip":"::1",)") +
          R"("app":"a","func":"f","job_type":"queue",)" + ids + R"(,"mode":")" + mode + "\"}";
      const Request request = decode_request(body, {}, Limits{});
      ASSERT_FALSE(request.error) << body;
      AgentResult result = agent_result();
      result.id = request.job.wire_id().text();
      result.mode = request.job.mode;
      result.type = wire_name(request.job.type);
      const Result<Job> job = rebuild_job(result);
      ASSERT_TRUE(job);
      EXPECT_EQ(job->id, request.job.id);
      EXPECT_EQ(job->rand_id, request.job.rand_id);
      EXPECT_EQ(job->dialect, request.job.dialect);
    }
  }
}

TEST(DialectRebuild, NoAsynchronousJob) {
  for (const char* type : {"", "rt", "CRON", "x"}) {
    AgentResult result = agent_result();
    result.type = type;
    ASSERT_FALSE(rebuild_job(result)) << type;
    EXPECT_EQ(rebuild_job(result).error().code, ErrorCode::illegal_type) << type;
  }
  for (const char* id : {"", "  ", ":r", " :r"}) {
    AgentResult result = agent_result();
    result.id = id;
    ASSERT_FALSE(rebuild_job(result)) << id;
    EXPECT_EQ(rebuild_job(result).error().code, ErrorCode::illegal_id) << id;
  }
  AgentResult foreign = agent_result();
  foreign.exec_id = "not hex";
  foreign.timeout = -5;
  EXPECT_EQ(rebuild_job(foreign)->log_id, LogId());
  EXPECT_EQ(rebuild_job(foreign)->timeout, Seconds(0));
}

}  // namespace
}  // namespace elves::dialect
