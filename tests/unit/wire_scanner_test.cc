#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wire/codec.h"
#include "wire/scanner.h"

namespace elves::wire {
namespace {

using Verdict = MessageScanner::Verdict;
using namespace std::string_literals;

std::string word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// A call "m" whose body is `fields`, without the final stop byte.
std::string call(const std::string& fields) { return "\x80\x01\x00\x01"s + word(1) + "m" + word(7) + fields; }
std::string field(char type) { return std::string{type, '\0', '\1'}; }
std::string list(char type, std::uint32_t count) { return field(15) + type + word(count); }

JobPtr some_job(const std::string& param) {
  Job job;
  job.id = "7";
  job.type = JobType::cron;
  job.agent_ip = "127.0.0.1";
  job.app = "app";
  job.param = param;
  job.timeout = Seconds(9);
  return std::make_shared<Job>(job);
}

std::vector<std::string> whole_messages() {
  const auto job = some_job(std::string(300, '\xff'));
  const std::vector<JobPtr> jobs{job, some_job(""), job};
  const auto map = field(13) + "\x0b\x0c"s + word(2) + word(1) + "k" + "\0"s + word(0) + field(2) + "\1\0"s;
  const auto nested =
      list(15, 2) + "\x08"s + word(3) + word(1) + word(2) + word(3) + "\x0b"s + word(1) + word(2) + "ab";
  const auto scalars = field(2) + "\1"s + field(3) + "x" + field(4) + "12345678" + field(6) + "12" +
                       field(8) + "1234" + field(10) + "12345678" + field(14) + "\x03"s + word(5) + "12345";
  return {encode_invoke_sync(*job),
          encode_invoke_async(jobs),
          encode_alive_check(),
          encode_run_processor(*job, {.flag = 1, .costtime = 2, .result = "r"}),
          call(map + "\0"s),
          call(nested + "\0"s),
          call(scalars + "\0"s),
          call(list(12, 0) + "\0"s),
          call(field(13) + "\0\0"s + word(0) + "\0"s)};
}

TEST(MessageScanner, FindsTheEndHoweverTheMessageIsCut) {
  for (const auto& message : whole_messages()) {
    const auto buffer = message + "\x80the next one";
    for (std::size_t cut = 0; cut < message.size(); ++cut) {
      MessageScanner scanner({});
      ASSERT_EQ(scanner.scan(std::string_view(buffer).substr(0, cut)), Verdict::more) << cut;
      ASSERT_EQ(scanner.scan(buffer), Verdict::whole) << cut;
      ASSERT_EQ(scanner.size(), message.size());
    }
  }
}

TEST(MessageScanner, TellsArgumentsThatAreListsOfSomethingElseThanStructs) {
  const auto lists_structs = [](const std::string& fields) {
    MessageScanner scanner({});
    EXPECT_EQ(scanner.scan(call(fields + "\0"s)), Verdict::whole);
    return scanner.lists_structs();
  };
  EXPECT_TRUE(lists_structs(list(12, 1) + "\0"s));
  EXPECT_TRUE(lists_structs(list(8, 0)));
  EXPECT_TRUE(lists_structs(field(12) + list(8, 1) + word(5) + "\0"s));
  EXPECT_FALSE(lists_structs(list(8, 1) + word(5)));
}

TEST(MessageScanner, FindsTheEndByteByByte) {
  MessageScanner scanner({});
  for (const auto& message : whole_messages()) {
    for (std::size_t n = 0; n < message.size(); ++n)
      ASSERT_EQ(scanner.scan(message.substr(0, n)), Verdict::more);
    ASSERT_EQ(scanner.scan(message), Verdict::whole);
    ASSERT_EQ(scanner.scan(message), Verdict::whole) << "asked again";
    scanner.reset();
  }
}

struct Illegal {
  const char* name;
  std::string bytes;
};

class IllegalMessage : public testing::TestWithParam<Illegal> {};

// As soon as the bytes are there, without waiting for what they announce.
TEST_P(IllegalMessage, IsSeenAtOnce) {
  const auto& bytes = GetParam().bytes;
  MessageScanner whole({});
  EXPECT_EQ(whole.scan(bytes), Verdict::illegal);
  EXPECT_STRNE(whole.fault(), "");
  MessageScanner pieces({});
  for (std::size_t n = 1; n < bytes.size(); ++n) pieces.scan(bytes.substr(0, n));
  EXPECT_EQ(pieces.scan(bytes), Verdict::illegal);
  EXPECT_EQ(pieces.scan(bytes + std::string(100, '\0')), Verdict::illegal) << "and stays so";
}

INSTANTIATE_TEST_SUITE_P(
    MessageScanner, IllegalMessage,
    testing::Values(Illegal{"http", "GET / HTTP/1.1\r\n"}, Illegal{"one_wrong_byte", "\x81"},
                    Illegal{"unstrict", word(1) + "m\x01"}, Illegal{"version_2", "\x80\x02"},
                    Illegal{"message_type_0", "\x80\x01\x00\x00"s},
                    Illegal{"message_type_5", "\x80\x01\x00\x05"s},
                    Illegal{"name_of_2_gib", "\x80\x01\x00\x01"s + word(0x7fffffff)},
                    Illegal{"negative_name", "\x80\x01\x00\x01"s + word(0xffffffff)},
                    Illegal{"void_field", call("\x01")}, Illegal{"field_type_16", call("\x10")},
                    Illegal{"string_of_2_gib", call(field(11) + word(0x7fffffff))},
                    Illegal{"string_over_limit", call(field(11) + word(16 * 1024 * 1024 - 20))},
                    Illegal{"negative_string", call(field(11) + word(0x80000000))},
                    Illegal{"empty_structs", call(list(12, 0x7fffffff))},
                    Illegal{"void_elements", call(list(1, 0x7fffffff))},
                    Illegal{"one_void_element", call(list(1, 1))}, Illegal{"stop_elements", call(list(0, 5))},
                    Illegal{"no_elements_of_type_81", call(list(81, 0))},
                    Illegal{"negative_count", call(list(8, 0xfffffffe))},
                    Illegal{"bytes_over_limit", call(list(3, 16 * 1024 * 1024))},
                    Illegal{"doubles_over_limit", call(list(4, 0x30000000))},
                    Illegal{"map_over_limit", call(field(13) + "\x0b\x0b" + word(0x7fffffff))},
                    Illegal{"map_of_void", call(field(13) + "\x08\x01" + word(1))}),
    [](const auto& test) { return test.param.name; });

TEST(MessageScanner, DepthIsLimited) {
  std::string structs;
  for (int i = 0; i < 15; ++i) structs += field(12);
  MessageScanner allowed({});
  EXPECT_EQ(allowed.scan(call(structs) + std::string(16, '\0')), Verdict::whole);
  MessageScanner too_deep({});
  EXPECT_EQ(too_deep.scan(call(structs + field(12))), Verdict::illegal);

  std::string lists = field(15);
  for (int i = 0; i < 100'000; ++i) lists += "\x0f"s + word(1);
  MessageScanner lists_too_deep({});
  EXPECT_EQ(lists_too_deep.scan(call(lists)), Verdict::illegal);
}

TEST(MessageScanner, AMessageOfExactlyTheLimitIsAllowed) {
  const auto message = encode_invoke_sync(*some_job("1234567890"));
  MessageScanner exact({.max_bytes = message.size()});
  EXPECT_EQ(exact.scan(message), Verdict::whole);
  for (std::size_t limit = 0; limit < message.size(); ++limit) {
    MessageScanner scanner({.max_bytes = limit});
    ASSERT_EQ(scanner.scan(message), Verdict::illegal) << limit;
  }
}

TEST(MessageScanner, LongStringsAreNotLookedAtAgain) {
  const std::string start = call(field(11) + word(16'000'000));
  auto message = start;
  message.resize(start.size() + 16'000'000, 'x');
  message += '\0';
  MessageScanner scanner({});
  // Quadratic work would take minutes here.
  for (std::size_t n = 0; n < message.size(); n += 100) {
    ASSERT_EQ(scanner.scan(std::string_view(message).substr(0, n)), Verdict::more);
  }
  EXPECT_EQ(scanner.scan(message), Verdict::whole);
}

}  // namespace
}  // namespace elves::wire
