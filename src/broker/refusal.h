// What the broker means when it refuses something, and what can be done about it.
#pragma once

#include <amqp.h>

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

}  // namespace elves::broker
