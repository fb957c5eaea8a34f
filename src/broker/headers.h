// Single values out of the table of a message's headers: all else in it may be of kinds that nobody knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace elves::broker {

// The whole number that `name` stands for in `table`, the entries of an AMQP field table; nullopt when there
// is none, or when what stands before it cannot be passed over. Negative ones are none. Any bytes are safe.
std::optional<std::uint64_t> header_number(std::string_view table, std::string_view name);

// How often the broker says that it has delivered the message before: quorum queues count that
// (x-delivery-count, x-acquired-count). 0 when it does not say.
std::uint64_t earlier_deliveries(std::string_view table);

}  // namespace elves::broker
