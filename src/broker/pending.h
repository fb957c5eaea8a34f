// A message on its way to the broker, from when it is handed in until it is confirmed.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>

#include "base/clock.h"
#include "broker/outgoing.h"

namespace elves::broker {

struct Pending {
  Outgoing what{};
  std::function<void()> done{};
  std::function<void()> on_returned{};  // instead, when nobody listens; none = a dead letter
  std::function<void()> on_unsure{};    // instead, when its connection broke; none = it is sent again
  std::uint64_t number = 0;             // in the order of handing in
  SteadyTime born{};
  SteadyTime sent{};                    // on the present connection
  std::optional<SteadyTime> give_up{};  // when it has waited long enough for a destination that is paused
  bool paced = false;                   // sent because it was its turn at a paused destination
  bool late = false;                    // not confirmed for long
  bool suspect = false;                 // the broker closed a connection while this was in flight
  int refusals = 0;                     // connections that it closed while this alone was in flight
  bool returned = false;
};

// In the order of handing in.
using PendingList = std::list<Pending>;
using PendingAt = PendingList::iterator;

}  // namespace elves::broker
