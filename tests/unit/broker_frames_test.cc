#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/frames.h"
#include "broker/headers.h"
#include "broker/options.h"

namespace elves::broker {
namespace {

// What came out of a decoder, in words, as its memory is the decoder's.
struct Seen {
  amqp_method_number_t id;
  std::string routing_key;
  std::string correlation_id;
  std::string body;
  int channel;
  std::string headers{};
  std::string fault{};
};

Seen seen(const Incoming& incoming) {
  Seen result{incoming.id, {}, {}, std::string(incoming.body), incoming.channel};
  result.headers = incoming.headers;
  result.fault = incoming.fault;
  if (incoming.id == AMQP_BASIC_DELIVER_METHOD)
    result.routing_key = view(incoming.as<amqp_basic_deliver_t>().routing_key);
  if (incoming.properties) {
    const auto& sent = *incoming.properties;
    result.correlation_id = property(sent, AMQP_BASIC_CORRELATION_ID_FLAG, sent.correlation_id);
  }
  return result;
}

void feed(Decoder& decoder, std::string_view bytes) {
  const auto space = decoder.space();
  ASSERT_GE(space.size(), bytes.size());
  std::ranges::copy(bytes, space.begin());
  decoder.commit(bytes.size());
}

std::vector<Seen> decode(std::string_view bytes, std::size_t piece = 50000) {
  Decoder decoder;
  std::vector<Seen> all;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    feed(decoder, part);
    while (const auto incoming = decoder.next()) all.push_back(seen(*incoming));
  }
  return all;
}

// Frames by hand, where no encoder may be right or wrong with the decoder.
std::string frame(int type, int channel, const std::string& payload) {
  std::string out{static_cast<char>(type), static_cast<char>(channel >> 8), static_cast<char>(channel)};
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  return out + payload + '\xCE';
}

std::string short_text(const std::string& text) { return static_cast<char>(text.size()) + text; }

std::string deliver(const std::string& routing_key, int channel = 1) {
  using namespace std::string_literals;
  return frame(1, channel,
               "\0\x3C\0\x3C"s + short_text("tag") + "\0\0\0\0\0\0\0\x07"s + '\1' + short_text("elves") +
                   short_text(routing_key));
}

std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  while (bytes-- > 0) text.push_back(static_cast<char>(number >> (8 * bytes)));
  return text;
}

std::string header_with(const std::string& properties, std::uint64_t size, int channel = 1) {
  using namespace std::string_literals;
  return frame(2, channel, "\0\x3C\0\0"s + big_endian(size, 8) + properties);
}

std::string header(std::uint64_t size, int channel = 1) {
  using namespace std::string_literals;
  return header_with("\x04\0"s + short_text("c-1"), size, channel);
}

// A content type, this table of headers, and a correlation id.
std::string header_with_table(const std::string& table, std::uint64_t size) {
  using namespace std::string_literals;
  return header_with(
      "\xA4\0"s + short_text("text/plain") + big_endian(table.size(), 4) + table + short_text("c-1"), size);
}

std::string entry(const std::string& key, char kind, const std::string& value) {
  return short_text(key) + kind + value;
}

const std::string kBlocked = frame(1, 0, std::string("\0\x0A\0\x3C", 4) + short_text("low on memory"));
const std::string kHeartbeat = frame(8, 0, "");

TEST(BrokerFrames, ADeliveryIsReadWithItsMessage) {
  const auto all = decode(deliver("openapi.scheduler") + header(5) + frame(3, 1, "hello"));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, AMQP_BASIC_DELIVER_METHOD);
  EXPECT_EQ(all[0].routing_key, "openapi.scheduler");
  EXPECT_EQ(all[0].correlation_id, "c-1");
  EXPECT_EQ(all[0].body, "hello");
}

TEST(BrokerFrames, HowTheBytesAreCutDoesNotMatter) {
  const std::string bytes = deliver("a") + header(0) + kHeartbeat + deliver("b") + header(6) +
                            frame(3, 1, "one") + frame(3, 1, "two") + kBlocked;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const auto all = decode(bytes, piece);
    ASSERT_EQ(all.size(), 3U) << piece;
    EXPECT_EQ(all[0].body, "");
    EXPECT_EQ(all[1].routing_key, "b");
    EXPECT_EQ(all[1].body, "onetwo");
    EXPECT_EQ(all[2].id, AMQP_CONNECTION_BLOCKED_METHOD);
  }
}

TEST(BrokerFrames, TheConnectionsOwnChannelMayComeBetweenTheFramesOfAMessage) {
  const auto all = decode(deliver("b") + kBlocked + header(6) + kHeartbeat + frame(3, 1, "one") + kBlocked +
                          frame(3, 1, "two"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, AMQP_CONNECTION_BLOCKED_METHOD);
  EXPECT_EQ(all[2].routing_key, "b");
  EXPECT_EQ(all[2].body, "onetwo");
}

TEST(BrokerFrames, MessagesOnTwoChannelsMayComeAmongEachOther) {
  const auto all = decode(deliver("a") + deliver("b", 2) + header(6) + header(4, 2) + frame(3, 1, "one") +
                          frame(3, 2, "four") + frame(3, 1, "two"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].routing_key, "b");
  EXPECT_EQ(all[0].body, "four");
  EXPECT_EQ(all[0].channel, 2);
  EXPECT_EQ(all[1].routing_key, "a");
  EXPECT_EQ(all[1].body, "onetwo");
  EXPECT_EQ(all[1].channel, 1);
}

TEST(BrokerFrames, WhatIsNotAmqpIsRefused) {
  const std::string too_large = std::string("\1\0\1\x7F\xFF\xFF\xFF", 7);
  for (const std::string& bytes :
       {std::string("AMQP\0\0\x09\x01", 8), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), too_large,
        frame(3, 1, "a body alone"), header(3), deliver("a") + deliver("b"), deliver("a") + frame(3, 1, "x"),
        deliver("a") + header(2) + frame(3, 1, "xyz"), deliver("a") + frame(2, 1, "short"),
        frame(1, 1, "abc"), frame(1, 1, std::string("\0\x3C\x7F\x7F", 4)), frame(9, 1, ""),
        frame(1, 0, std::string("\0\x3C\0\x3C", 4)), deliver("a", kMostChannels + 1),
        deliver("a") + header(1, 2), frame(1, 1, std::string("\0\x3C\0\x50", 4)),
        kHeartbeat.substr(0, 7) + "!"}) {
    EXPECT_THROW(decode(bytes), BrokerError) << bytes;
  }
}

// A broker adds x-death to headers that fill a frame already.
TEST(BrokerFrames, HeadersLargerThanAFrameAreTaken) {
  for (const std::size_t size : {131'000UL, 131'072UL, 200'000UL, 5'000'000UL}) {
    const std::string table = entry("k", 'S', big_endian(size, 4) + std::string(size, 'x'));
    const auto all = decode(deliver("a") + header_with_table(table, 3) + frame(3, 1, "one") + deliver("b") +
                            header(3) + frame(3, 1, "two"));
    ASSERT_EQ(all.size(), 2U) << size;
    EXPECT_EQ(all[0].body, "one");
    EXPECT_EQ(all[0].correlation_id, "c-1");
    EXPECT_EQ(all[0].headers.size(), table.size());
    EXPECT_EQ(all[0].fault, "");
    EXPECT_EQ(all[1].body, "two");
    EXPECT_EQ(all[1].headers, "");
  }
}

TEST(BrokerFrames, EveryKindOfFrameMayBeLargerThanWasAskedFor) {
  const std::string body(kFrameMax + 1, 'x');
  const auto all = decode(deliver("a") + header(body.size()) + frame(3, 1, body) +
                          frame(1, 0, std::string("\0\x0A\0\x3C", 4) + short_text("low") + body));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].body, body);
  EXPECT_EQ(all[1].id, AMQP_CONNECTION_BLOCKED_METHOD);
}

TEST(BrokerFrames, HeadersMayBeOfKindsThatNobodyKnows) {
  std::string deep;
  for (std::uint64_t levels = 20'000; levels-- > 0;) deep += entry("", 'F', big_endian(6 * levels, 4));
  for (const std::string& table : {entry("k", '?', "what"), std::string("\xFF"), deep}) {
    const auto all = decode(deliver("a") + header_with_table(table, 3) + frame(3, 1, "one"));
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].body, "one");
    EXPECT_EQ(all[0].correlation_id, "c-1");
    EXPECT_EQ(all[0].fault, "");
  }
}

TEST(BrokerFrames, AMessageWhosePropertiesCannotBeReadIsGivenWithItsFault) {
  using namespace std::string_literals;
  for (const std::string& properties :
       {""s, "\x04"s, "\x04\0\x09short"s, "\x20\0\x7F\xFF\xFF\xFFx"s, "\x20\0"s, "\x80\0\xFFx"s}) {
    const auto all = decode(deliver("a") + header_with(properties, 3) + frame(3, 1, "one") + deliver("b") +
                            header(3) + frame(3, 1, "two"));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].body, "one");
    EXPECT_EQ(all[0].correlation_id, "");
    EXPECT_TRUE(all[0].fault.starts_with("its properties cannot be read: ")) << all[0].fault;
    EXPECT_EQ(all[1].correlation_id, "c-1");
    EXPECT_EQ(all[1].fault, "");
  }
}

TEST(BrokerFrames, OfABodyThatIsTooLongTheBeginningIsGiven) {
  const std::string part(kFrameMax, 'x');
  const std::uint64_t parts = kMostTaken / kFrameMax + 2;
  Decoder decoder;
  feed(decoder, deliver("a") + header(parts * kFrameMax));
  ASSERT_FALSE(decoder.next());
  const std::string bytes = frame(3, 1, part);
  std::vector<Seen> all;
  for (std::uint64_t i = 0; i < parts; ++i) {
    for (std::size_t at = 0; at < bytes.size(); at += 50000) {
      feed(decoder, std::string_view(bytes).substr(at, 50000));
      while (const auto incoming = decoder.next()) all.push_back(seen(*incoming));
    }
  }
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].body.size(), kMostTaken);
  EXPECT_EQ(all[0].fault, "its body of 134479872 bytes is longer than the 134217728 that are taken");
}

// What is announced costs nothing before it comes.
TEST(BrokerFrames, AnAnnouncedSizeIsNotBelieved) {
  const auto all = decode(deliver("a") + header(std::uint64_t{1} << 62U) + frame(3, 1, "one"));
  EXPECT_TRUE(all.empty());
}

TEST(BrokerHeaders, ANumberIsFoundBehindAllKindsOfValues) {
  const std::string before =
      entry("t", 't', "1") + entry("b", 'b', "1") + entry("B", 'B', "1") + entry("s", 's', "12") +
      entry("u", 'u', "12") + entry("U", 'U', "12") + entry("I", 'I', "1234") + entry("i", 'i', "1234") +
      entry("l", 'l', "12345678") + entry("f", 'f', "1234") + entry("d", 'd', "12345678") +
      entry("D", 'D', "12345") + entry("S", 'S', big_endian(3, 4) + "abc") +
      entry("x", 'x', big_endian(3, 4) + "abc") + entry("T", 'T', "12345678") + entry("V", 'V', "") +
      entry("A", 'A', big_endian(2, 4) + "t1") + entry("F", 'F', big_endian(4, 4) + entry("k", 't', "1"));
  for (const auto& [kind, size] : std::vector<std::pair<char, int>>{
           {'b', 1}, {'B', 1}, {'s', 2}, {'u', 2}, {'I', 4}, {'i', 4}, {'l', 8}, {'L', 8}}) {
    const std::string table = before + entry("x-delivery-count", kind, big_endian(11, size)) + before;
    EXPECT_EQ(header_number(table, "x-delivery-count"), 11U) << kind;
    EXPECT_EQ(earlier_deliveries(table), 11U);
  }
  EXPECT_EQ(earlier_deliveries(entry("x-acquired-count", 'l', big_endian(3, 8))), 3U);
  EXPECT_EQ(earlier_deliveries(""), 0U);
  EXPECT_EQ(header_number(before, "nobody"), std::nullopt);
}

TEST(BrokerHeaders, WhatCannotBePassedOverEndsTheSearch) {
  const std::string count = entry("x-delivery-count", 'l', big_endian(11, 8));
  for (const std::string& table :
       {entry("k", '?', "") + count, entry("k", 'S', big_endian(100, 4)) + count, std::string("\xFF") + count,
        entry("x-delivery-count", 'S', big_endian(2, 4) + "11"), entry("x-delivery-count", 'l', "\xFF"),
        entry("x-delivery-count", 'b', "\xFF")}) {
    EXPECT_EQ(earlier_deliveries(table), 0U);
  }
}

TEST(BrokerFrames, AMessageIsWrittenInFramesThatTheBrokerTakes) {
  const std::string body(1000, 'x');
  Encoder encoder;
  encoder.set_frame_max(400);
  amqp_basic_publish_t publish{};
  publish.exchange = bytes("elves");
  publish.routing_key = bytes("scheduler.queue");
  publish.mandatory = 1;
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
  properties.correlation_id = bytes("c-1");
  std::string out;
  encoder.message(out, publish, properties, body);
  const std::string method = frame(
      1, 1, std::string("\0\x3C\0\x28\0\0", 6) + short_text("elves") + short_text("scheduler.queue") + '\1');
  EXPECT_EQ(out, method + header(1000) + frame(3, 1, body.substr(0, 392)) + frame(3, 1, body.substr(0, 392)) +
                     frame(3, 1, body.substr(0, 216)));
}

TEST(BrokerFrames, AnEmptyMessageHasNoBody) {
  Encoder encoder;
  std::string out;
  encoder.message(out, {}, {}, "");
  EXPECT_EQ(static_cast<unsigned char>(out.back()), 0xCE);
  EXPECT_EQ(std::ranges::count(out, '\xCE'), 2);
}

TEST(BrokerFrames, WhatDoesNotFitInAFrameIsRefused) {
  Encoder encoder;
  const std::string text(200000, 'x');
  amqp_table_entry_t entry{};
  entry.key = bytes("x-elves-error");
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes(text);
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_HEADERS_FLAG;
  properties.headers = {1, &entry};
  std::string out;
  EXPECT_THROW(encoder.message(out, {}, properties, ""), BrokerError);
}

}  // namespace
}  // namespace elves::broker
