#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string>

#include "dialect/envelope.h"
#include "dialect/reworded.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

Job flat_job(std::string param) {
  Job job;
  job.from = "openapi";
  job.mid = "M1";
  job.log_id = LogId(7);
  job.app = "apptest";
  job.param = std::move(param);
  return job;
}

Job body_job() {
  Job job = flat_job("");
  job.dialect = Dialect::body;
  job.type = JobType::queue;
  job.id = "T1";
  return job;
}

Outcome answered(std::string text) {
  Outcome outcome;
  outcome.agent.ok = true;
  outcome.worker = WorkerAnswer{1, 5, std::move(text)};
  return outcome;
}

json::object data_of(const std::string& message) { return json::parse(message).at("data").as_object(); }
json::object result_of(const std::string& message) {
  return json::parse(message).at("mqbody").at("result").as_object();
}

TEST(Shortened, CutsTheWorkersMessageAndSaysSo) {
  const std::string whole = encode_terminal(body_job(), answered(std::string(100'000, 'x')));
  const auto shorter = shortened(whole, 20'000);
  ASSERT_TRUE(shorter);
  EXPECT_LE(shorter->size(), 20'000U);
  EXPECT_GT(shorter->size(), 19'800U);
  const json::object result = result_of(*shorter);
  EXPECT_EQ(result.at("id"), "T1");
  EXPECT_EQ(result.at("worker_flag"), 1);
  EXPECT_EQ(result.at("worker_message_bytes"), 100'000);
  EXPECT_THAT(std::string(result.at("worker_message").as_string()),
              testing::AllOf(testing::StartsWith("xxxx"),
                             testing::EndsWith("x [cut: 100000 bytes were too many for the broker]")));
}

TEST(Shortened, LeavesEverythingElseAsItWas) {
  const std::string whole = encode_reply(flat_job("small"), answered(std::string(100'000, 'x')));
  auto expected = data_of(whole);
  auto found = data_of(shortened(whole, 20'000).value());
  for (auto* one : {&expected, &found}) {
    one->erase("worker_message");
    one->erase("worker_message_bytes");
  }
  EXPECT_EQ(found, expected);
}

TEST(Shortened, CutsSeveralTextsWhenOneIsNotEnough) {
  const std::string whole =
      encode_reply(flat_job(std::string(50'000, 'p')), answered(std::string(60'000, 'x')));
  const auto shorter = shortened(whole, 10'000);
  ASSERT_TRUE(shorter);
  EXPECT_LE(shorter->size(), 10'000U);
  EXPECT_EQ(data_of(*shorter).at("worker_message_bytes"), 60'000);
  EXPECT_EQ(data_of(*shorter).at("param_bytes"), 50'000);
}

// Escapes make a text longer in JSON, and no character is cut in two: the parser would refuse that.
TEST(Shortened, CountsWhatIsSentAndCutsWhereACharacterEnds) {
  for (const std::string unit :
       {"\x01", "\"", "\n", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xFF"}) {
    std::string text;
    while (text.size() < 30'000) text += unit;
    const std::string whole = encode_terminal(body_job(), answered(text));
    for (std::size_t most = 5000; most < 5008; ++most) {
      const auto shorter = shortened(whole, most);
      ASSERT_TRUE(shorter);
      EXPECT_LE(shorter->size(), most);
      EXPECT_GT(shorter->size(), most - 200);
      EXPECT_EQ(result_of(*shorter).at("worker_flag"), 1);
    }
  }
}

TEST(Shortened, CannotLeaveOutNames) {
  EXPECT_FALSE(shortened(encode_reply(flat_job("p"), answered(std::string(5000, 'x'))), 300));
}

TEST(AsFailed, SaysWhyInBothEnvelopes) {
  const Error error{ErrorCode::internal, "because"};
  const auto data = data_of(as_failed(encode_reply(flat_job("p"), answered("result")), error));
  EXPECT_EQ(data.at("error"), "[500]Internal ServerError: because");
  EXPECT_EQ(data.at("result_flag"), 0);
  EXPECT_EQ(data.at("worker_message"), "");
  EXPECT_EQ(data.at("log_id"), "0000000000000007");
  const auto body = json::parse(as_failed(encode_terminal(body_job(), answered("result")), error));
  EXPECT_EQ(body.at("mqbody").at("flag"), "false");
  EXPECT_EQ(body.at("mqbody").at("error"), "[500]Internal ServerError: because");
  EXPECT_EQ(result_of(json::serialize(body)), (json::object{{"id", "T1"}}));
}

}  // namespace
}  // namespace elves::dialect
