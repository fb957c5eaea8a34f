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

TEST(HeldRecords, KeepsTheLatestOfALogIdInItsPlace) {
  HeldRecords held(10);
  held.put(record_of(1, JobState::received));
  held.put(record_of(2));
  held.put(record_of(1, JobState::accepted));
  const auto oldest = held.oldest(5);
  ASSERT_EQ(oldest.size(), 2U);
  EXPECT_EQ(oldest[0]->job->log_id, LogId(1));
  EXPECT_EQ(oldest[0]->state, JobState::accepted);
}

TEST(HeldRecords, DropsTheOldestWhenFull) {
  HeldRecords held(2);
  EXPECT_EQ(held.put(record_of(1)), 0U);
  EXPECT_EQ(held.put(record_of(2)), 0U);
  EXPECT_EQ(held.put(record_of(2)), 0U);
  EXPECT_EQ(held.put(record_of(3)), 1U);
  EXPECT_EQ(held.size(), 2U);
  EXPECT_EQ(held.oldest(1)[0]->job->log_id, LogId(2));
  held.drop(LogId(2));
  held.drop(LogId(9));
  EXPECT_EQ(held.oldest(9).size(), 1U);
}

}  // namespace
}  // namespace elves::journal
