// Finds the end of an unframed Thrift binary message while its bytes are still coming in.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace elves::wire {

// Resumable: every byte is looked at at most once, however the message is cut, and the contents of strings
// never. A size that cannot fit is a fault as soon as it is announced, not when its bytes fail to come. Work
// is bounded by the bytes received: no announced count makes it loop. Pure; one per connection.
class MessageScanner {
 public:
  struct Limits {
    std::size_t max_bytes = std::size_t{16} << 20;  // thrift.maxMessage
    std::size_t max_depth = 16;  // structs and containers inside each other, the arguments' included
    // A text of a struct that is an argument may be as long as `most_cut`: what is beyond the limit is to be
    // left out (surplus()).
    bool cut = false;
    std::size_t most_cut = std::size_t{256} << 20;
  };
  enum class Verdict : std::uint8_t {
    more,     // the message is not complete yet
    whole,    // complete: size() bytes of the buffer are it; what follows belongs to the next one
    illegal,  // no strict TBinaryProtocol message, too large or too deep; fault() says which
  };

  explicit MessageScanner(Limits limits) : limits_(limits) {}

  // `buffer` starts at the message's first byte and holds at least what the last call saw. Once it has
  // answered whole or illegal it answers the same until reset().
  Verdict scan(std::string_view buffer);

  // A text that is too long: `kept` bytes of it, whose length is at `at` in the buffer, are of the message.
  struct Cut {
    std::size_t at = 0;
    std::size_t kept = 0;
    std::size_t length = 0;  // as announced
  };
  // So many bytes of one follow at size(), and are to be taken out of the buffer: nothing is looked at before
  // left_out() was told of all of them.
  std::size_t surplus() const { return surplus_; }
  void left_out(std::size_t bytes) { surplus_ -= bytes; }
  const Cut& cut() const { return cut_; }

  // Of a whole message; before that, as much of it as is announced so far.
  std::size_t size() const { return position_; }
  // Of a whole message: every list that is an argument or a result, and not empty, is one of structs.
  // Generated code, which knows no others there, reads the elements as structs whatever the list says they
  // are.
  bool lists_structs() const { return lists_structs_; }
  // Of an illegal one: what is wrong, for a person; a constant.
  const char* fault() const { return fault_; }
  // Forgets the message: the next scan() starts a new one.
  void reset();

 private:
  enum class Stage : std::uint8_t { version, name, sequence, body, whole };
  // A struct, or a container with `remaining` values to come, whose types are the two in turn.
  struct Level {
    bool is_struct;
    std::uint8_t types[2];
    std::uint32_t remaining;
  };

  bool step(std::string_view buffer);
  bool read_version(std::string_view buffer);
  bool read_name(std::string_view buffer);
  bool read_sequence(std::string_view buffer);
  bool read_body(std::string_view buffer);
  bool read_value(std::string_view buffer);
  bool read_field(std::string_view buffer);
  bool read_string(std::string_view buffer);
  bool cut_string(std::size_t length);
  bool read_container(std::string_view buffer, bool is_map);
  bool next_element();
  bool enter(Level level);
  void leave();
  bool available(std::string_view buffer, std::size_t bytes);
  bool skip(std::uint64_t bytes);
  bool fail(const char* fault);

  Limits limits_;
  std::size_t position_ = 0;  // of the next byte to look at; beyond the buffer's end while inside a string
  const char* fault_ = "";
  Stage stage_ = Stage::version;
  bool illegal_ = false;
  bool lists_structs_ = true;
  std::size_t surplus_ = 0;
  Cut cut_;
  std::uint8_t value_ = 0;  // type of the value that starts at position_; 0 = none, a level goes on
  boost::container::small_vector<Level, 4> levels_;  // as deep as what peers send
};

}  // namespace elves::wire
