// AMQP 0-9-1 between bytes and values: librabbitmq's codec, without its sockets, which would block the loop.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace elves::broker {

inline constexpr std::uint16_t kChannel = 1;  // of a connection, the first; 0 is about the connection itself
inline constexpr std::uint16_t kMostChannels = 128;  // the highest number that is understood
inline constexpr std::uint32_t kFrameMax = 131072;   // that the broker is asked for
// A message's headers come in one frame, and brokers add to them what was agreed or not. Beyond this it is no
// AMQP; of a longer body the beginning is kept. RabbitMQ's own limit for a message.
inline constexpr std::uint32_t kMostTaken = 128U << 20;

// "TEXT" as librabbitmq takes it; valid as long as the text.
inline amqp_bytes_t bytes(std::string_view text) {
  return amqp_bytes_t{text.size(), const_cast<char*>(text.data())};
}
inline std::string_view view(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

// A property of a message; "" when it has none.
inline std::string_view property(const amqp_basic_properties_t& of, amqp_flags_t flag, amqp_bytes_t value) {
  return of._flags & flag ? view(value) : std::string_view{};
}

// What the broker says: a method, and the message that comes with Basic.Deliver and Basic.Return.
struct Incoming {
  amqp_method_number_t id = 0;
  std::uint16_t channel = 0;
  const void* method = nullptr;
  const amqp_basic_properties_t* properties = nullptr;  // null without a message; its headers are not in it
  std::string_view headers{};                           // the table of them, as it came: see headers.h
  std::string_view body;
  std::string fault{};  // why the message is not all here, for a person; "" = it is

  template <class Method>
  const Method& as() const {
    return *static_cast<const Method*>(method);
  }
};

// Bytes in, what they say out. For one connection; not thread-safe.
class Decoder {
 public:
  Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // Where the next bytes go, never empty; commit() says how many came. What next() gave before is gone then.
  // It grows with a frame that is larger than kFrameMax, by what has come of it.
  std::span<char> space();
  void commit(std::size_t count) { end_ += count; }

  // The next thing that is whole, valid until the next call; nullopt = more bytes are needed. Heartbeats are
  // skipped. Throws BrokerError when it is not AMQP. A message whose properties cannot be read, or whose body
  // is longer than kMostTaken, is given all the same, with its fault.
  std::optional<Incoming> next();

 private:
  struct Frame {
    std::uint8_t type;
    std::uint16_t channel;
    std::string_view payload;
  };
  enum class Awaited : std::uint8_t { method, header, body };
  // The message that is coming on a channel; those of others may come in between.
  struct Coming {
    Awaited awaited = Awaited::method;
    amqp_method_number_t id = 0;
    std::string method;  // its parts, as they came
    std::string header;  // without the table of headers
    std::string headers;
    std::uint64_t body_size = 0;
    std::uint64_t received = 0;  // of it
    std::string body;            // only of one that comes in several frames
  };

  std::optional<Frame> next_frame();
  std::optional<Incoming> take(const Frame& frame);
  std::optional<Incoming> take_method(const Frame& frame);
  std::optional<Incoming> take_header(const Frame& frame);
  std::optional<Incoming> take_body(const Frame& frame);
  Incoming decode(std::uint16_t channel, amqp_method_number_t id, std::string_view arguments);
  Incoming whole(std::uint16_t channel, std::string_view body);
  void read_properties(Coming& coming, Incoming& incoming);

  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // what is in the buffer and not taken yet
  std::size_t end_ = 0;
  amqp_pool_t pool_;            // of what next() gave last
  std::vector<Coming> coming_;  // by channel
  std::uint16_t last_ = 0;      // channel that something came on
};

// Values in, bytes appended to a string. A method or header that does not fit in a frame throws BrokerError,
// a refusal, as the broker would refuse it.
class Encoder {
 public:
  void protocol_header(std::string& out) const;
  void heartbeat(std::string& out) const;
  // `method`: librabbitmq's structure for `id`.
  void method(std::string& out, std::uint16_t channel, amqp_method_number_t id, void* method);
  void message(std::string& out, amqp_basic_publish_t method, amqp_basic_properties_t properties,
               std::string_view body);
  // What the broker takes at most, with what frames cost.
  void set_frame_max(std::uint32_t most) { frame_max_ = most; }

 private:
  std::string_view encoded(int size) const;

  std::uint32_t frame_max_ = kFrameMax;
  std::string scratch_ = std::string(kFrameMax, '\0');
};

}  // namespace elves::broker
