#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <string>

#include "wire/codec.h"
#include "wire/inbox.h"
#include "wire/service.h"

namespace elves::wire {
namespace {

using Verdict = Inbox::Verdict;
using namespace std::string_literals;

std::string framed(const std::string& message) {
  const auto n = message.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         message;
}

std::string message_of(std::size_t payload) {
  AgentResult result;
  result.answer.result = std::string(payload, 'r');
  return encode_data_transport(result);
}

// As a socket would: at most `piece` bytes at a time.
Verdict put(Inbox& inbox, std::string_view bytes, std::size_t piece = 1 << 20) {
  auto verdict = inbox.scan();
  while (!bytes.empty() && verdict == Verdict::more) {
    const auto space = inbox.space();
    EXPECT_FALSE(space.empty());
    const auto n = std::min({piece, bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), n);
    inbox.commit(n);
    bytes.remove_prefix(n);
    verdict = inbox.scan();
  }
  return verdict;
}

TEST(Inbox, MessagesOfAnySizeComeOutWhole) {
  for (const auto framing : {false, true}) {
    Inbox inbox({}, Inbox::Framing::detect);
    for (const std::size_t payload : {0, 1, 900, 1024, 5000, 1'000'000}) {
      const auto message = message_of(payload);
      const auto bytes = framing ? framed(message) : message;
      ASSERT_EQ(put(inbox, bytes, payload > 9000 ? 1000 : 1), Verdict::whole) << payload;
      EXPECT_EQ(inbox.take(), message);
      EXPECT_TRUE(inbox.empty());
      EXPECT_EQ(inbox.framed(), framing);
    }
  }
}

TEST(Inbox, WhatWasReadElsewhereIsAdded) {
  for (const std::size_t first : {0, 1, 511, 512, 100'000}) {
    const auto message = message_of(100'000);
    Inbox inbox({}, Inbox::Framing::none);
    inbox.add(std::string_view(message).substr(0, first));
    ASSERT_EQ(put(inbox, std::string_view(message).substr(first)), Verdict::whole) << first;
    EXPECT_EQ(inbox.take(), message);
    inbox.add(message);
    ASSERT_EQ(inbox.scan(), Verdict::whole);
    inbox.add("next");
    EXPECT_EQ(inbox.take(), message);
    EXPECT_FALSE(inbox.empty());
  }
}

TEST(Inbox, MessagesThatCameTogetherComeOutOneByOne) {
  for (const auto framing : {false, true}) {
    const auto one = message_of(1), two = message_of(100), three = message_of(3);
    std::string bytes;
    for (const auto& message : {one, two, three}) bytes += framing ? framed(message) : message;
    Inbox inbox({}, Inbox::Framing::detect);
    const auto space = inbox.space();
    const auto cut = bytes.size() - 5;
    ASSERT_LE(cut, space.size());
    std::memcpy(space.data(), bytes.data(), cut);
    inbox.commit(cut);
    ASSERT_EQ(inbox.scan(), Verdict::whole);
    EXPECT_EQ(inbox.take(), one);
    ASSERT_EQ(inbox.scan(), Verdict::whole);
    EXPECT_EQ(inbox.take(), two);
    ASSERT_EQ(inbox.scan(), Verdict::more);
    EXPECT_FALSE(inbox.empty());
    ASSERT_EQ(put(inbox, bytes.substr(cut)), Verdict::whole);
    EXPECT_EQ(inbox.take(), three);
    EXPECT_TRUE(inbox.empty());
  }
}

TEST(Inbox, AFrameIsRefusedByItsLengthAlone) {
  for (const auto& bytes : {"\x7f"s, "\x01\x00\x00\x01"s, "GET"s, "\x00\x00\x00\x00"s}) {
    Inbox inbox({}, Inbox::Framing::detect);
    EXPECT_EQ(put(inbox, bytes), Verdict::illegal);
    EXPECT_STRNE(inbox.fault(), "");
  }
}

TEST(Inbox, AFrameMustHoldExactlyOneMessage) {
  const auto message = message_of(3);
  Inbox longer({}, Inbox::Framing::detect);
  EXPECT_EQ(put(longer, framed(message + "x")), Verdict::illegal);
  Inbox shorter({}, Inbox::Framing::detect);
  EXPECT_EQ(put(shorter, framed(message.substr(0, message.size() - 1))), Verdict::illegal);
  Inbox garbage({}, Inbox::Framing::detect);
  EXPECT_EQ(put(garbage, "\0\0\1\0hello"s), Verdict::illegal);
}

TEST(Inbox, FramesAreIllegalWhereNoneAreExpected) {
  Inbox inbox({}, Inbox::Framing::none);
  EXPECT_EQ(put(inbox, framed(message_of(3))), Verdict::illegal);
}

TEST(Inbox, AMessageOfExactlyTheLimitFits) {
  const auto message = message_of(3000);
  for (const auto& bytes : {message, framed(message)}) {
    Inbox fits({.max_bytes = message.size()}, Inbox::Framing::detect);
    EXPECT_EQ(put(fits, bytes), Verdict::whole);
    Inbox too_large({.max_bytes = message.size() - 1}, Inbox::Framing::detect);
    EXPECT_EQ(put(too_large, bytes), Verdict::illegal);
  }
}

// A socket that has all of it, and then nothing.
struct Source {
  std::string_view bytes;
  std::size_t read_some_now(std::span<char> into) {
    const auto taken = bytes.substr(0, into.size());
    std::memcpy(into.data(), taken.data(), taken.size());
    bytes.remove_prefix(taken.size());
    return taken.size();
  }
};

TEST(Inbox, TakesWhatIsThereAtOnce) {
  for (const std::size_t payload : {0, 1, 65'536, 10'000'000}) {
    const auto message = message_of(payload);
    const std::string two = message + message + "next";
    Source source{two};
    Inbox inbox({}, Inbox::Framing::none);
    ASSERT_EQ(inbox.scan_with(source), Verdict::whole) << payload;
    EXPECT_EQ(inbox.take(), message);
    ASSERT_EQ(inbox.scan_with(source), Verdict::whole) << payload;
    EXPECT_EQ(inbox.take(), message);
    EXPECT_EQ(inbox.scan_with(source), Verdict::illegal);
    Source half{std::string_view(message).substr(0, message.size() / 2)};
    Inbox waits({}, Inbox::Framing::none);
    EXPECT_EQ(waits.scan_with(half), Verdict::more);
    EXPECT_TRUE(half.bytes.empty());
  }
}

TEST(Inbox, MemoryFollowsWhatHasCome) {
  for (const auto framing : {false, true}) {
    Inbox inbox({}, Inbox::Framing::detect);
    const auto message = message_of(10'000'000);
    const auto bytes = framing ? framed(message) : message;
    EXPECT_LE(inbox.space().size(), 1024U);
    inbox.add(std::string_view(bytes).substr(0, 5));
    inbox.scan();
    EXPECT_LE(inbox.space().size(), 1024U);
    for (std::size_t come = 5; come < bytes.size(); come += 100'000) {
      inbox.add(std::string_view(bytes).substr(come, 100'000));
      inbox.scan();
      EXPECT_LE(inbox.capacity(), 8 * (come + 100'000) + 1024) << come;
      const auto space = inbox.space().size();
      EXPECT_LE(space, come + 100'000);
      EXPECT_LE(inbox.capacity(), 8 * (come + 100'000 + space)) << come;
    }
    EXPECT_LE(inbox.capacity(), 2 * bytes.size() + 1024);
    ASSERT_EQ(inbox.scan(), Verdict::whole);
    EXPECT_EQ(inbox.take(), message);
    EXPECT_LE(inbox.capacity(), 1024U) << "what a large message needed is released";
  }
}

struct Sink final : ResultSink {
  void deliver(AgentResult result, std::function<void(bool)> done) override {
    got = std::move(result);
    done(true);
  }
  AgentResult got;
};

// A result as it comes out where there is room for 100,000 bytes.
AgentResult cut_result(const std::string& text, bool framing, std::size_t piece) {
  AgentResult sent;
  sent.id = "7:1";
  sent.param = "the param";
  sent.answer = {.flag = 1, .costtime = 5, .result = text};
  const auto bytes = encode_data_transport(sent);
  Inbox inbox({.max_bytes = 100'000, .cut = true}, Inbox::Framing::detect);
  EXPECT_EQ(put(inbox, framing ? framed(bytes) : bytes, piece), Verdict::whole) << inbox.fault();
  EXPECT_LE(inbox.capacity(), 400'000U);
  const auto message = inbox.take();
  EXPECT_LE(message.size(), 100'000U);
  const auto next = message_of(100);
  EXPECT_EQ(put(inbox, framing ? framed(next) : next), Verdict::whole) << inbox.fault();
  EXPECT_EQ(inbox.take(), next) << "the connection goes on";
  Sink sink;
  scheduler_service_handler(sink)(message, "10.0.0.1", [](const std::string&) {});
  return sink.got;
}

TEST(Inbox, AResultThatIsTooLongIsCutAndSaysSo) {
  const std::string mark = " [cut: 5000000 bytes were too many for thrift.maxMessage]";
  for (const auto framing : {false, true}) {
    for (const std::size_t piece : {1'000, 16'384, 1 << 20}) {
      const auto got = cut_result(std::string(5'000'000, 'r'), framing, piece);
      EXPECT_EQ(got.id, "7:1");
      EXPECT_EQ(got.param, "the param");
      EXPECT_EQ(got.answer.flag, 1);
      ASSERT_GT(got.answer.result.size(), 98'000U);
      const auto kept = got.answer.result.size() - mark.size();
      EXPECT_EQ(got.answer.result, std::string(kept, 'r') + mark);
    }
  }
}

TEST(Inbox, ACutIsMadeBetweenCharacters) {
  for (const auto* before : {"", "x", "xx", "xxx"}) {
    std::string text = before;
    while (text.size() < 400'000) text += "\xf0\x9f\x98\x80";
    const auto result = cut_result(text, false, 16'384).answer.result;
    const auto mark = result.find(" [cut: ");
    ASSERT_NE(mark, std::string::npos);
    const auto kept = result.substr(0, result.find_last_not_of(' ', mark) + 1);
    EXPECT_EQ((kept.size() - std::strlen(before)) % 4, 0U);
    EXPECT_EQ(kept, text.substr(0, kept.size()));
  }
}

TEST(Inbox, OnlyTheTextOfTheArgumentItselfIsCut) {
  AgentResult result;
  result.param = std::string(200'000, 'p');
  Inbox inbox({.max_bytes = 100'000, .cut = true}, Inbox::Framing::none);
  EXPECT_EQ(put(inbox, encode_data_transport(result)), Verdict::illegal);
  EXPECT_STREQ(inbox.fault(), "larger than the limit");
  Inbox strict({.max_bytes = 100'000}, Inbox::Framing::none);
  EXPECT_EQ(put(strict, message_of(200'000)), Verdict::illegal);
}

TEST(Inbox, WhatFitsIsNotCut) {
  const std::string text(90'000, 'r');
  EXPECT_EQ(cut_result(text, false, 16'384).answer.result, text);
}

}  // namespace
}  // namespace elves::wire
