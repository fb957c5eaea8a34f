// What a broker says when it refuses something, understood. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace elves::broker {

// What a reply code (AMQP 0-9-1, 1.2) that closes a channel or a connection most likely means here, and what
// to do; "" for one that says enough. `text`: the broker's own words.
std::string_view advice(int code, std::string_view text);

// The broker's words, with the advice.
std::string refusal_text(std::string_view what, int code, std::string_view text);

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
