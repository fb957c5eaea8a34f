#include <gtest/gtest.h>

#include "contract/journal_fixture.h"
#include "journal/base64.h"
#include "journal/held_records.h"
#include "journal/record_codec.h"

namespace elves::journal {
namespace {

using test::expect_same;
using test::full_record;
using test::record_of;

TEST(JournalRecord, HoldsEveryField) {
  const JobRecord record = full_record(0xFFFFFFFFFFFFFFFFU);
  const auto back = decode_record(encode_record(record), JobState::settled);
  ASSERT_TRUE(back) << back.error().detail;
  expect_same(*back, record);
}

TEST(JournalRecord, HoldsEveryErrorCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    JobRecord record = record_of(1);
    record.outcome.error = Error{static_cast<ErrorCode>(code), "why"};
    const auto back = decode_record(encode_record(record), record.state);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->outcome.error, record.outcome.error) << code;
  }
}

TEST(JournalRecord, HoldsEveryTypeAndDialect) {
  for (const JobType type : {JobType::sync, JobType::cron, JobType::queue}) {
    for (const Dialect dialect : {Dialect::flat, Dialect::body}) {
      Job job;
      job.type = type;
      job.dialect = dialect;
      JobRecord record;
      record.job = std::make_shared<const Job>(job);
      const auto back = decode_record(encode_record(record), record.state);
      ASSERT_TRUE(back);
      expect_same(*back, record);
    }
  }
}

TEST(JournalRecord, HoldsWhetherItsProcessorMayHaveBeenCalled) {
  for (const bool asked : {true, false}) {
    JobRecord record = full_record(1);
    record.outcome.processor = {.ok = false, .error = {}, .cost = Millis(0), .asked = asked};
    const auto back = decode_record(encode_record(record), record.state);
    ASSERT_TRUE(back);
    expect_same(*back, record);
  }
}

TEST(JournalRecord, HoldsWhatAReceivedOneStandsFor) {
  for (const bool set : {true, false}) {
    JobRecord record = record_of(1);
    record.acknowledged = set;
    record.unsent = !set;
    record.outcome.attempts = set ? 3 : 0;
    const auto back = decode_record(encode_record(record), record.state);
    ASSERT_TRUE(back);
    expect_same(*back, record);
  }
}

TEST(JournalRecord, IsPlainText) {
  for (const char c : encode_record(full_record(1))) EXPECT_TRUE(std::isprint(static_cast<unsigned char>(c)));
}

TEST(JournalRecord, EveryTruncationIsAnError) {
  const std::string whole = *base64_decode(encode_record(full_record(1)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto back = decode_record(base64_encode(whole.substr(0, size)), JobState::received);
    EXPECT_FALSE(back) << size;
  }
}

TEST(JournalRecord, WhatIsNoRecordIsAnError) {
  EXPECT_FALSE(decode_record("not base64", JobState::received));
  EXPECT_FALSE(decode_record("QUJDRA==", JobState::received));
}

TEST(JournalBase64, KnownAnswers) {
  // RFC 4648, section 10.
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_decode(""), "");
  EXPECT_EQ(base64_decode("Zg=="), "f");
  EXPECT_EQ(base64_decode("Zm8="), "fo");
  EXPECT_EQ(base64_decode("Zm9vYmFy"), "foobar");
}

TEST(JournalBase64, RejectsWhatIsNone) {
  EXPECT_EQ(base64_decode("Zg="), std::nullopt);
  EXPECT_EQ(base64_decode("Z!=="), std::nullopt);
  EXPECT_EQ(base64_decode("\xff\xff\xff\xff"), std::nullopt);
}

constexpr SteadyTime start{};

TEST(HeldRecords, KeepsTheLatestOfALogIdInItsPlace) {
  HeldRecords held(10);
  held.put(record_of(1, JobState::received), start);
  held.put(record_of(2), start);
  held.put(record_of(1, JobState::accepted), start);
  const auto oldest = held.oldest(5, start);
  ASSERT_EQ(oldest.size(), 2U);
  EXPECT_EQ(oldest[0]->job->log_id, LogId(1));
  EXPECT_EQ(oldest[0]->state, JobState::accepted);
}

TEST(HeldRecords, DropsTheOldestWhenFull) {
  HeldRecords held(2);
  EXPECT_EQ(held.put(record_of(1), start), 0U);
  EXPECT_EQ(held.put(record_of(2), start), 0U);
  EXPECT_EQ(held.put(record_of(2), start), 0U);
  EXPECT_EQ(held.put(record_of(3), start), 1U);
  EXPECT_EQ(held.size(), 2U);
  EXPECT_EQ(held.oldest(1, start)[0]->job->log_id, LogId(2));
  held.drop(LogId(2));
  held.drop(LogId(9));
  EXPECT_EQ(held.oldest(9, start).size(), 1U);
}

TEST(HeldRecords, KnowsSinceWhenEachLogIdIsHeld) {
  HeldRecords held(10);
  EXPECT_EQ(held.since(), SteadyTime::max());
  held.put(record_of(1), start);
  held.put(record_of(2), start + Millis(5));
  held.put(record_of(1), start + Millis(9));
  EXPECT_EQ(held.since(), start);
  EXPECT_EQ(held.oldest(9, start + Millis(4)).size(), 1U);
  EXPECT_EQ(held.oldest(9, start + Millis(5)).size(), 2U);
  held.drop(LogId(1));
  EXPECT_EQ(held.since(), start + Millis(5));
}

TEST(HeldRecords, WeighsWhatItHolds) {
  HeldRecords held(10);
  const JobRecord small = record_of(1);
  JobRecord large = record_of(1);
  large.outcome.worker = WorkerAnswer{1, 1, std::string(100, 'x')};
  EXPECT_EQ(weight_of(large), weight_of(small) + 100);
  held.put(large, start);
  EXPECT_EQ(held.weight(), weight_of(large));
  held.put(small, start);
  held.put(record_of(2), start);
  EXPECT_EQ(held.weight(), 2 * weight_of(small));
  held.drop(LogId(1));
  held.drop(LogId(2));
  EXPECT_EQ(held.weight(), 0U);
}

}  // namespace
}  // namespace elves::journal
