// The receiving end of a connection without the connection: bytes go in, whole Thrift messages come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/scanner.h"

namespace elves::wire {

// Memory follows what has come in, not what is announced: what is written to is at most about twice the
// message so far, what is reserved eight times that. One small buffer while waiting for a message's first
// bytes, and none that a message needed once it has been taken. Pure; one per connection.
class Inbox {
 public:
  enum class Framing : std::uint8_t {
    none,    // messages follow each other
    detect,  // the first byte of all tells: 0x80 begins a bare message, anything else a 4-byte frame length
  };
  using Verdict = MessageScanner::Verdict;

  Inbox(MessageScanner::Limits limits, Framing framing);

  // Where the next bytes go, never empty; valid until the next call. commit() says how many there were.
  std::span<char> space();
  void commit(std::size_t bytes);
  // Adds what was read elsewhere.
  void add(std::string_view bytes);

  // Whether the next message is there. A text that is cut (Limits::cut) says so at its end. A frame has its
  // length checked before its bytes come.
  Verdict scan();
  // The same after all that `stream` (tls::Stream) has to be read at once, unless there is a message before.
  template <class Stream>
  Verdict scan_with(Stream& stream) {
    auto verdict = scan();
    while (verdict == Verdict::more) {
      const auto read = stream.read_some_now(shared_space());
      if (read == 0) return verdict;
      add({shared_space().data(), read});
      verdict = scan();
    }
    return verdict;
  }
  // Why it is illegal, for a person; a constant.
  const char* fault() const { return fault_; }
  // The message that scan() called whole, unframed.
  std::string take();

  // Bytes it has room for.
  std::size_t capacity() const { return buffer_.capacity(); }
  // Nothing of a next message has come.
  bool empty() const { return begin_ == end_; }
  // Whether the peer sends frames, and so wants them back; known from its first byte on.
  bool framed() const { return framed_; }

 private:
  // This thread's, for what is added at once.
  static std::span<char> shared_space();
  std::string_view view() const { return std::string_view(buffer_).substr(begin_, end_ - begin_); }
  Verdict scan_next();
  Verdict scan_frame();
  bool leave_out_surplus();
  void mark_cut();
  std::size_t header() const;
  Verdict fail(const char* fault);
  void make_room(std::size_t bytes);
  void compact();

  MessageScanner scanner_;
  std::size_t max_bytes_;  // of a frame
  bool detect_;
  bool framed_ = false;
  const char* fault_ = "";
  std::string buffer_;
  std::size_t begin_ = 0;     // of the message being received
  std::size_t end_ = 0;       // of what has come
  std::size_t left_out_ = 0;  // of that message
};

}  // namespace elves::wire
