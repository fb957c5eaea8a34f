// The receiving end of a connection without the connection: bytes go in, whole Thrift messages come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/scanner.h"

namespace elves::wire {

// Memory follows what has come in, not what is announced: at most about twice the bytes of the message
// received so far, one small buffer while waiting for its first bytes, and none that a message needed once it
// has been taken. Pure; one per connection.
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

  // Whether the next message is there. A frame has its whole length checked before its bytes come.
  Verdict scan();
  // Why it is illegal, for a person; a constant.
  const char* fault() const { return fault_; }
  // The message that scan() called whole, unframed.
  std::string take();

  // Nothing of a next message has come.
  bool empty() const { return begin_ == end_; }
  // Whether the peer sends frames, and so wants them back; known from its first byte on.
  bool framed() const { return framed_; }

 private:
  std::string_view view() const { return std::string_view(buffer_).substr(begin_, end_ - begin_); }
  Verdict scan_frame();
  Verdict fail(const char* fault);
  void compact();

  MessageScanner scanner_;
  std::size_t max_bytes_;
  bool detect_;
  bool framed_ = false;
  const char* fault_ = "";
  std::string buffer_;
  std::size_t begin_ = 0;  // of the message being received
  std::size_t end_ = 0;    // of what has come
};

}  // namespace elves::wire
