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
constexpr std::size_t kBuffer = kFrameMax + kOverhead + kRead;
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

bool is_frame(std::uint8_t type) {
  return type == AMQP_FRAME_METHOD || type == AMQP_FRAME_HEADER || type == AMQP_FRAME_BODY ||
         type == AMQP_FRAME_HEARTBEAT;
}

// Takes the table of headers out of a property list: it may be large, and hold anything.
std::string cut_headers(std::string& list) {
  const auto flags = number_at<std::uint16_t>(list, 0);
  if (!(flags & AMQP_BASIC_HEADERS_FLAG)) return {};
  std::size_t at = sizeof flags;
  for (const int before : {AMQP_BASIC_CONTENT_TYPE_FLAG, AMQP_BASIC_CONTENT_ENCODING_FLAG}) {
    if (flags & before) at += 1U + number_at<std::uint8_t>(list, at);
  }
  const auto size = number_at<std::uint32_t>(list, at);
  if (list.size() - at - sizeof size < size) throw BrokerError("the headers are longer than all properties");
  std::string headers = list.substr(at + sizeof size, size);
  list.erase(at, sizeof size + size);
  const auto without = static_cast<std::uint16_t>(flags & ~AMQP_BASIC_HEADERS_FLAG);
  list[0] = static_cast<char>(without >> 8);
  list[1] = static_cast<char>(without);
  return headers;
}

[[noreturn]] void not_amqp(const char* what) {
  throw BrokerError(fmt::format("what comes from the broker is not AMQP 0-9-1: {}", what));
}

}  // namespace

Decoder::Decoder() : buffer_(kBuffer), coming_(kChannel + 1U) { init_amqp_pool(&pool_, kPoolPage); }
Decoder::~Decoder() { empty_amqp_pool(&pool_); }

std::span<char> Decoder::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == 0 && buffer_.size() > kKept) buffer_ = std::vector<char>(kBuffer);
  if (buffer_.size() - end_ < kRead) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kRead) buffer_.resize(2 * buffer_.size());
  return {buffer_.data() + end_, kRead};
}

std::optional<Decoder::Frame> Decoder::next_frame() {
  const std::string_view there(buffer_.data() + begin_, end_ - begin_);
  if (there.size() < kHead) return std::nullopt;
  if (there.starts_with("AMQP")) not_amqp("it speaks another version");
  const auto type = number_at<std::uint8_t>(there, 0);
  if (!is_frame(type)) not_amqp("a frame of no known kind");
  const auto size = number_at<std::uint32_t>(there, 3);
  if (size > kMostTaken) not_amqp("a frame is too large");
  if (there.size() < size + kOverhead) return std::nullopt;
  if (static_cast<std::uint8_t>(there[kHead + size]) != AMQP_FRAME_END) not_amqp("a frame has no end");
  begin_ += size + kOverhead;
  return Frame{type, number_at<std::uint16_t>(there, 1), there.substr(kHead, size)};
}

std::optional<Incoming> Decoder::next() {
  recycle_amqp_pool(&pool_);
  if (Coming& last = coming_[last_]; last.awaited == Awaited::method) {
    for (std::string* text : {&last.body, &last.header, &last.headers})
      if (text->capacity() > kKept) *text = std::string();
  }
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
  coming.body_size = number_at<std::uint64_t>(frame.payload, 4);
  coming.header = frame.payload.substr(kContentHead);
  coming.received = 0;
  coming.body.clear();
  coming.awaited = Awaited::body;
  if (coming.body_size > 0) return std::nullopt;
  return whole(frame.channel, {});
}

std::optional<Incoming> Decoder::take_body(const Frame& frame) {
  Coming& coming = coming_[frame.channel];
  if (frame.payload.size() > coming.body_size - coming.received) not_amqp("a message is longer than it says");
  if (frame.payload.size() == coming.body_size && frame.payload.size() <= kMostTaken)
    return whole(frame.channel, frame.payload);
  if (coming.body.empty()) coming.body.reserve(std::min<std::uint64_t>(coming.body_size, kReserved));
  coming.received += frame.payload.size();
  coming.body += frame.payload.substr(0, kMostTaken - coming.body.size());
  if (coming.received < coming.body_size) return std::nullopt;
  return whole(frame.channel, coming.body);
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
  incoming.body = body;
  if (body.size() < coming.body_size) {
    incoming.fault = fmt::format("its body of {} bytes is longer than the {} that are taken",
                                 coming.body_size, body.size());
  }
  read_properties(coming, incoming);
  return incoming;
}

void Decoder::read_properties(Coming& coming, Incoming& incoming) {
  static constexpr amqp_basic_properties_t kNone{};
  incoming.properties = &kNone;
  try {
    coming.headers = cut_headers(coming.header);
    incoming.headers = coming.headers;
    void* properties = nullptr;
    if (amqp_decode_properties(kBasic, &pool_, bytes(coming.header), &properties) < 0)
      throw BrokerError("they are cut short");
    incoming.properties = static_cast<const amqp_basic_properties_t*>(properties);
  } catch (const BrokerError& error) {
    incoming.fault = fmt::format("its properties cannot be read: {}", error.what());
  }
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
