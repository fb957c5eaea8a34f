#include "broker/frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cstring>

#include "broker/options.h"

namespace elves::broker {
namespace {

constexpr std::size_t kHead = 7;  // of a frame: type, channel, size
constexpr std::size_t kOverhead = kHead + 1;
constexpr std::size_t kRead = 65536;  // as much is read at once
constexpr std::size_t kKept = 1U << 20;
constexpr std::size_t kReserved = 64U << 20;  // at most, for a body of the size that its header says
constexpr std::size_t kContentHead = 12;      // class, weight, size of the body
constexpr std::size_t kPoolPage = 4096;
constexpr std::uint16_t kBasic = 60;

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number = 0;
  if (at + sizeof number > bytes.size()) throw BrokerError("a frame from the broker is too short");
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return boost::endian::big_to_native(number);
}

template <class Number>
void append(std::string& out, Number number) {
  number = boost::endian::native_to_big(number);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void begin_frame(std::string& out, std::uint8_t type, std::uint16_t channel, std::size_t size) {
  append(out, type);
  append(out, channel);
  append(out, static_cast<std::uint32_t>(size));
}

void end_frame(std::string& out) { out.push_back(static_cast<char>(AMQP_FRAME_END)); }

[[noreturn]] void not_amqp(const char* what) {
  throw BrokerError(fmt::format("what comes from the broker is not AMQP 0-9-1: {}", what));
}

}  // namespace

Decoder::Decoder() : buffer_(kFrameMax + kOverhead + kRead), coming_(kChannel + 1U) {
  init_amqp_pool(&pool_, kPoolPage);
}
Decoder::~Decoder() { empty_amqp_pool(&pool_); }

std::span<char> Decoder::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ < kRead) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {buffer_.data() + end_, kRead};
}

std::optional<Decoder::Frame> Decoder::next_frame() {
  const std::string_view there(buffer_.data() + begin_, end_ - begin_);
  if (there.size() < kHead) return std::nullopt;
  const auto size = number_at<std::uint32_t>(there, 3);
  if (there.starts_with("AMQP")) not_amqp("it speaks another version");
  if (size > kFrameMax) not_amqp("a frame is too large");
  if (there.size() < size + kOverhead) return std::nullopt;
  if (static_cast<std::uint8_t>(there[kHead + size]) != AMQP_FRAME_END) not_amqp("a frame has no end");
  begin_ += size + kOverhead;
  return Frame{number_at<std::uint8_t>(there, 0), number_at<std::uint16_t>(there, 1),
               there.substr(kHead, size)};
}

std::optional<Incoming> Decoder::next() {
  recycle_amqp_pool(&pool_);
  if (Coming& last = coming_[last_]; last.awaited == Awaited::method && last.body.capacity() > kKept)
    last.body = std::string();
  while (const auto frame = next_frame()) {
    if (auto incoming = take(*frame)) return incoming;
  }
  return std::nullopt;
}

std::optional<Incoming> Decoder::take(const Frame& frame) {
  if (frame.type == AMQP_FRAME_HEARTBEAT) return std::nullopt;
  if (frame.channel > kMostChannels) not_amqp("a channel that is not open");
  if (frame.channel >= coming_.size()) coming_.resize(frame.channel + 1U);
  last_ = frame.channel;
  const Awaited awaited = coming_[frame.channel].awaited;
  if (frame.type == AMQP_FRAME_METHOD && awaited == Awaited::method) return take_method(frame);
  if (frame.type == AMQP_FRAME_HEADER && awaited == Awaited::header) return take_header(frame);
  if (frame.type == AMQP_FRAME_BODY && awaited == Awaited::body) return take_body(frame);
  not_amqp("a frame is out of order");
}

std::optional<Incoming> Decoder::take_method(const Frame& frame) {
  const auto id = number_at<std::uint32_t>(frame.payload, 0);
  const auto arguments = frame.payload.substr(sizeof id);
  if (!amqp_method_has_content(id)) return decode(frame.channel, id, arguments);
  if (frame.channel == 0) not_amqp("a message comes on channel 0");
  Coming& coming = coming_[frame.channel];
  coming.id = id;
  coming.method = arguments;
  coming.awaited = Awaited::header;
  return std::nullopt;
}

std::optional<Incoming> Decoder::take_header(const Frame& frame) {
  Coming& coming = coming_[frame.channel];
  coming.header = frame.payload;
  coming.body_size = number_at<std::uint64_t>(frame.payload, 4);
  coming.body.clear();
  coming.awaited = Awaited::body;
  if (coming.body_size > 0) return std::nullopt;
  return whole(frame.channel, {});
}

std::optional<Incoming> Decoder::take_body(const Frame& frame) {
  auto& [awaited, id, method, header, size, body] = coming_[frame.channel];
  if (frame.payload.size() > size - body.size()) not_amqp("a message is longer than it says");
  if (frame.payload.size() == size) return whole(frame.channel, frame.payload);
  if (body.empty()) body.reserve(std::min<std::uint64_t>(size, kReserved));
  body += frame.payload;
  if (body.size() < size) return std::nullopt;
  return whole(frame.channel, body);
}

Incoming Decoder::decode(std::uint16_t channel, amqp_method_number_t id, std::string_view arguments) {
  void* method = nullptr;
  if (amqp_decode_method(id, &pool_, bytes(arguments), &method) < 0) not_amqp("a method cannot be read");
  return {.id = id, .channel = channel, .method = method, .body = {}};
}

Incoming Decoder::whole(std::uint16_t channel, std::string_view body) {
  Coming& coming = coming_[channel];
  coming.awaited = Awaited::method;
  Incoming incoming = decode(channel, coming.id, coming.method);
  void* properties = nullptr;
  const auto listed = std::string_view(coming.header).substr(kContentHead);
  if (amqp_decode_properties(kBasic, &pool_, bytes(listed), &properties) < 0)
    not_amqp("the properties of a message cannot be read");
  incoming.properties = static_cast<const amqp_basic_properties_t*>(properties);
  incoming.body = body;
  return incoming;
}

void Encoder::protocol_header(std::string& out) const { out.append("AMQP\0\0\x09\x01", 8); }

void Encoder::heartbeat(std::string& out) const {
  begin_frame(out, AMQP_FRAME_HEARTBEAT, 0, 0);
  end_frame(out);
}

std::string_view Encoder::encoded(int size) const {
  if (size < 0 || static_cast<std::size_t>(size) + kOverhead + kContentHead > frame_max_)
    throw BrokerError("what is to be sent does not fit in a frame", BrokerError::Cause::refusal);
  return std::string_view(scratch_).substr(0, static_cast<std::size_t>(size));
}

void Encoder::method(std::string& out, std::uint16_t channel, amqp_method_number_t id, void* method) {
  const auto arguments = encoded(amqp_encode_method(id, method, bytes(scratch_)));
  begin_frame(out, AMQP_FRAME_METHOD, channel, sizeof id + arguments.size());
  append(out, id);
  out += arguments;
  end_frame(out);
}

void Encoder::message(std::string& out, amqp_basic_publish_t publish, amqp_basic_properties_t properties,
                      std::string_view body) {
  method(out, kChannel, AMQP_BASIC_PUBLISH_METHOD, &publish);
  const auto listed = encoded(amqp_encode_properties(kBasic, &properties, bytes(scratch_)));
  begin_frame(out, AMQP_FRAME_HEADER, kChannel, kContentHead + listed.size());
  append(out, kBasic);
  append(out, std::uint16_t{0});
  append(out, std::uint64_t{body.size()});
  out += listed;
  end_frame(out);
  for (std::size_t at = 0; at < body.size();) {
    const auto part = body.substr(at, frame_max_ - kOverhead);
    begin_frame(out, AMQP_FRAME_BODY, kChannel, part.size());
    out += part;
    end_frame(out);
    at += part.size();
  }
}

}  // namespace elves::broker
