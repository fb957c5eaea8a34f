// Connecting to a name: every address that it has, one after the other, each with its share of the time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/resolver.h"

namespace elves {

// Until when the first of `left` attempts may take, so that the others have as much before `whole`.
Deadline share_of(Deadline whole, SteadyTime now, std::size_t left);

// Why none of a name's addresses could be used, for people: names each of them that is not the name itself.
class Attempts {
 public:
  explicit Attempts(std::string name) : name_(std::move(name)) {}
  void failed(const std::string& address, const std::string& why);
  const std::string& text() const { return text_; }

 private:
  const std::string name_;
  std::string text_;
};

// The same addresses in the same order, but `doubtful` last.
Addresses with_last(Addresses addresses, const std::string& doubtful);

// Looks `name` up and calls `try_one(address, deadline)`, an awaitable Result<void>, for its addresses until
// one succeeds or the resolver is cancelled: answers with that address. `doubtful`, if not "", is one that
// was connected to and was of no use: it comes last. Errors: send_failed, with every address and what was
// wrong with it.
template <class TryOne>
boost::asio::awaitable<Result<std::string>> connect_in_turn(Resolver& resolver, std::string name,
                                                            Deadline deadline, TryOne try_one,
                                                            std::string doubtful) {
  auto found = co_await resolver.find(name, deadline);
  if (!found) co_return found.error();
  const auto addresses = with_last(std::move(*found), doubtful);
  Attempts attempts(name);
  for (std::size_t i = 0; i < addresses.size() && !resolver.cancelled(); ++i) {
    const std::string& address = addresses[i];
    const auto share = share_of(deadline, std::chrono::steady_clock::now(), addresses.size() - i);
    const Result<void> connected = co_await try_one(address, share);
    if (connected) co_return address;
    attempts.failed(address, connected.error().detail);
  }
  co_return Error{ErrorCode::send_failed, attempts.text()};
}

// The same where nothing is known against any address.
template <class TryOne>
boost::asio::awaitable<Result<std::string>> connect_in_turn(Resolver& resolver, std::string name,
                                                            Deadline deadline, TryOne try_one) {
  return connect_in_turn(resolver, std::move(name), deadline, std::move(try_one), std::string());
}

}  // namespace elves
