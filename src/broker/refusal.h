// What the broker means when it refuses something, and what can be done about it.
#pragma once

#include <amqp.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elves::broker {

// A close of a channel or of the connection: its reply code, the broker's words, and the method that it
// blames (0 = none).
struct Refusal {
  int code = 0;
  std::string text;
  amqp_method_number_t method = 0;

  // For a person: the broker's words, then the meaning. `what` was closed, or refused.
  std::string words(const std::string& what) const;
  // Whether the broker's user lacks a right.
  bool forbidden() const { return code == AMQP_ACCESS_REFUSED; }
  // Whether the thing exists, but otherwise than it was declared.
  bool otherwise() const { return code == AMQP_PRECONDITION_FAILED; }
  bool missing() const { return code == AMQP_NOT_FOUND; }
  // What differs, of a thing that exists otherwise: "type", "x-queue-type"; "" when the broker does not say.
  std::string_view differs() const;
  // And how it is there: "direct", "quorum"; "" likewise.
  std::string_view current() const;
};

// Both take the broker's words or a text with them.

// max_message_size, when a message was larger than that.
std::optional<std::size_t> largest_message(std::string_view text);
// Where its user may not publish to. Exchange "" is the default one; without a routing key: nothing at all
// there.
struct Forbidden {
  std::string exchange;
  std::optional<std::string> routing_key;
  friend bool operator==(const Forbidden&, const Forbidden&) = default;
};
std::optional<Forbidden> forbidden_place(std::string_view text);

}  // namespace elves::broker
