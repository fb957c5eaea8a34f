// What a raw envelope tells about its own way over the broker.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elves::ctl {

// The routing key it goes with: {from}.scheduler, as its mqkey says; openapi.scheduler when it says nothing.
std::string request_key(std::string_view envelope);

// The routing keys that answers to it take when it has no reply_to: `call.{key}`'s key, or scheduler.{from},
// and scheduler.{type} of an asynchronous job. Throws Failure (usage) when it has no usable mqkey.
std::vector<std::string> reply_keys(std::string_view envelope);

}  // namespace elves::ctl
