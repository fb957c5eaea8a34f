// What the load generator sends and what it looks for in the answers. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace elves::bench {

// One of the four actions of docs/protocol.md, "Envelopes", and how large.
struct RequestShape {
  std::string action = "syncJob";  // syncJob, sendSync, asyncJob, sendAsync
  std::size_t param = 100;         // bytes
  std::size_t agents = 1;          // jobs go round that many addresses
  int timeout = 60;                // seconds

  bool synchronous() const { return action == "syncJob" || action == "sendSync"; }
  bool flat() const { return action == "sendSync" || action == "sendAsync"; }
};

// The address of the agent with this number, below 62,500: 127.0.1.1 and up.
std::string agent_address(std::size_t number);

// The message body of job `number`. An asynchronous one has number_text(number) as its id.
std::string request_body(const RequestShape& shape, std::uint64_t number);

// "bench-000000000042".
std::string number_text(std::uint64_t number);
// The first such text in `body`.
std::optional<std::uint64_t> find_number(std::string_view body);

// Why the job failed, as the error's code ("410.5"), "worker" for a worker's failure; nullopt when it
// succeeded.
std::optional<std::string> failure_in(const RequestShape& shape, std::string_view body);

}  // namespace elves::bench
