#include <gtest/gtest.h>

#include "contract/journal_fixture.h"
#include "elves/journal_types.h"
#include "journal/block.h"
#include "journal/held_entries.h"
#include "journal/read_compact.h"
#include "journal/record_codec.h"

namespace elves::journal {
namespace {

using test::expect_same;
using test::full_record;
using test::record_of;

std::string encoded(const JobRecord& record) {
  Appender bytes;
  encode_record(record, bytes);
  return bytes.take();
}

TEST(JournalRecord, HoldsEveryField) {
  const JobRecord record = full_record(0xFFFFFFFFFFFFFFFFU);
  const auto back = decode_record(encoded(record), JobState::settled);
  ASSERT_TRUE(back) << back.error().detail;
  expect_same(*back, record);
}

TEST(JournalRecord, HoldsEveryErrorCode) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    JobRecord record = record_of(1);
    record.outcome.error = Error{static_cast<ErrorCode>(code), "why"};
    const auto back = decode_record(encoded(record), record.state);
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
      const auto back = decode_record(encoded(record), record.state);
      ASSERT_TRUE(back);
      expect_same(*back, record);
    }
  }
}

TEST(JournalRecord, HoldsWhetherItsProcessorMayHaveBeenCalled) {
  for (const bool asked : {true, false}) {
    JobRecord record = full_record(1);
    record.outcome.processor = {.ok = false, .error = {}, .cost = Millis(0), .asked = asked};
    const auto back = decode_record(encoded(record), record.state);
    ASSERT_TRUE(back);
    expect_same(*back, record);
  }
}

TEST(JournalRecord, HoldsWhatAReceivedOneStandsFor) {
  for (const bool set : {true, false}) {
    JobRecord record = record_of(1);
    record.acknowledged = set;
    record.unsent = record.texts_left_out = !set;
    record.outcome.attempts = set ? 3 : 0;
    const auto back = decode_record(encoded(record), record.state);
    ASSERT_TRUE(back);
    expect_same(*back, record);
  }
}

// Thrift's own code writes what it has read of ours as it was.
TEST(JournalRecord, IsWhatThriftWouldWrite) {
  JobRecord plain = record_of(1);
  plain.outcome.worker = WorkerAnswer{.flag = 0, .costtime = -3, .result = std::string(20000, 'x')};
  for (const JobRecord& record : {full_record(0x8000000000000001U), record_of(7), plain}) {
    const std::string bytes = encoded(record);
    const auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
    apache::thrift::protocol::TCompactProtocol protocol(buffer);
    read_compact<StoredRecord>(bytes).write(&protocol);
    EXPECT_EQ(buffer->getBufferAsString(), bytes);
  }
}

TEST(JournalRecord, EveryTruncationIsAnError) {
  const std::string whole = encoded(full_record(1));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_record(whole.substr(0, size), JobState::received)) << size;
  }
}

TEST(JournalRecord, WhatIsNoRecordIsAnError) {
  EXPECT_FALSE(decode_record("!", JobState::received));
  EXPECT_FALSE(decode_record("\xff\xff\xff\xff", JobState::received));
}

TEST(JournalBlock, HoldsItsJobsInTheOrderTheyCame) {
  for (const std::size_t count : {1, 14, 15, 200}) {
    Block block;
    for (std::size_t i = 0; i < count; ++i)
      block.add(LogId(1000 - i), static_cast<long long>(i) + 1, 1, "10.0.0.1", std::string("\0record", 7));
    EXPECT_EQ(block.newest(), static_cast<long long>(count));
    EXPECT_EQ(block.first(), LogId(1001 - count));
    EXPECT_EQ(block.last(), LogId(1000));
    const auto [head, rest] = block.bytes();
    const auto entries = read_compact<StoredBlock>(std::string(head).append(rest)).entries;
    ASSERT_EQ(entries.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(entries[i].log_id, static_cast<std::int64_t>(1000 - i));
      EXPECT_EQ(entries[i].created_us, static_cast<std::int64_t>(i + 1));
      EXPECT_EQ(entries[i].agent_ip, "10.0.0.1");
      EXPECT_EQ(entries[i].record, std::string("\0record", 7));
    }
  }
}

TEST(JournalBlock, IsFullOfManyOrOfMuch) {
  Block many;
  while (!many.full()) many.add(LogId(many.count()), 1, 1, "10.0.0.1", "record");
  EXPECT_GT(many.count(), 100U);
  Block much;
  much.add(LogId(1), 1, 1, "10.0.0.1", "record");
  EXPECT_FALSE(much.full());
  much.add(LogId(2), 1, 1, "10.0.0.1", std::string(1 << 20, 'x'));
  EXPECT_TRUE(much.full());
}

constexpr SteadyTime start{};
constexpr std::size_t most = SIZE_MAX;

Entry entry_with(std::uint64_t id, JobState state = JobState::published) {
  Appender memory;
  return entry_of(record_of(id, state), memory);
}

TEST(JournalEntry, HasWhatTheRecordHas) {
  Appender memory;
  for (const std::size_t size : {std::size_t{10}, std::size_t{1'000'000}}) {
    JobRecord record = full_record(7);
    record.outcome.worker->result = std::string(size, 'x');
    const Entry entry = entry_of(record, memory);
    EXPECT_EQ(entry.id, LogId(7));
    EXPECT_EQ(entry.state, record.state);
    EXPECT_EQ(entry.only_history, record.only_history());
    EXPECT_EQ(entry.agent_ip, record.job->agent_ip);
    EXPECT_EQ(entry.record, encoded(record));
    EXPECT_TRUE(memory.empty());
  }
}

TEST(HeldEntries, KeepsTheLatestOfALogIdInItsPlace) {
  HeldEntries held;
  held.put(entry_with(1, JobState::received), start);
  held.put(entry_with(2), start);
  held.put(entry_with(1, JobState::accepted), start);
  const auto oldest = held.oldest(5, most, start);
  ASSERT_EQ(oldest.size(), 2U);
  EXPECT_EQ(oldest[0]->id, LogId(1));
  EXPECT_EQ(oldest[0]->state, JobState::accepted);
}

TEST(HeldEntries, GivesTheOldestUpToACountAndAWeight) {
  HeldEntries held;
  for (const std::uint64_t id : {1, 2, 3, 2}) held.put(entry_with(id), start);
  const std::size_t each = weight_of(entry_with(1));
  EXPECT_EQ(held.oldest(2, most, start).size(), 2U);
  EXPECT_EQ(held.oldest(9, each + 1, start).size(), 2U);
  EXPECT_EQ(held.oldest(9, 1, start).size(), 1U) << "one that is too large alone must go too";
  held.drop(LogId(1));
  held.drop(LogId(9));
  EXPECT_EQ(held.size(), 2U);
  EXPECT_EQ(held.oldest(1, most, start)[0]->id, LogId(2));
}

TEST(HeldEntries, KnowsSinceWhenEachLogIdIsHeld) {
  HeldEntries held;
  EXPECT_EQ(held.since(), SteadyTime::max());
  held.put(entry_with(1), start);
  held.put(entry_with(2), start + Millis(5));
  held.put(entry_with(1), start + Millis(9));
  EXPECT_EQ(held.since(), start);
  EXPECT_EQ(held.oldest(9, most, start + Millis(4)).size(), 1U);
  EXPECT_EQ(held.oldest(9, most, start + Millis(5)).size(), 2U);
  held.drop(LogId(1));
  EXPECT_EQ(held.since(), start + Millis(5));
}

TEST(HeldEntries, WeighsWhatItHolds) {
  HeldEntries held;
  const Entry small = entry_with(1);
  Entry large = entry_with(1);
  large.record.append(100, 'x');
  EXPECT_EQ(weight_of(large), weight_of(small) + 100);
  held.put(large, start);
  EXPECT_EQ(held.weight(), weight_of(large));
  held.put(small, start);
  held.put(entry_with(2), start);
  EXPECT_EQ(held.weight(), 2 * weight_of(small));
  held.drop(LogId(1));
  held.drop(LogId(2));
  EXPECT_EQ(held.weight(), 0U);
}

}  // namespace
}  // namespace elves::journal
