// Finds the end of an unframed Thrift binary message while its bytes are still coming in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace elves::wire {

// Resumable: every byte is looked at once, however the message is cut. Pure; one per connection.
class MessageScanner {
 public:
  struct Limits {
    std::size_t max_bytes = 16 * 1024 * 1024;  // thrift.maxMessage
    std::size_t max_depth = 16;
  };
  enum class Verdict : std::uint8_t {
    more,     // the message is not complete yet
    whole,    // complete: size() bytes of the buffer are it; what follows belongs to the next one
    illegal,  // no strict TBinaryProtocol message, too large or too deep; fault() says which
  };

  explicit MessageScanner(Limits limits) : limits_(limits) {}

  // `buffer` starts at the message's first byte and holds at least what the last call saw.
  Verdict scan(std::string_view buffer);

  std::size_t size() const { return position_; }
  const char* fault() const { return fault_; }
  // Forgets the message: the next scan() starts a new one.
  void reset();

 private:
  Limits limits_;
  std::size_t position_ = 0;
  const char* fault_ = "";
  std::vector<std::uint8_t> stack_;  // implementation's own
};

}  // namespace elves::wire
